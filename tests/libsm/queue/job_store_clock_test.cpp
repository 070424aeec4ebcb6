// What waits for its time: delayed jobs, attempts, schedules.
#include <future>
#include <thread>

#include "job_store_fixture.hpp"

namespace sm {

TEST_P(job_store_fixture, a_failed_job_waits_for_its_next_attempt_which_is_counted) {
  auto s = open();
  put(*s, {job("1")});
  auto got = take(*s, claim(1));
  EXPECT_EQ(end(*s, got[0], kind::failed_retry, now_ms() + 60'000), 1U);
  EXPECT_TRUE(take(*s, claim(1)).empty());
  auto waiting = s->jobs(job_state::delayed, "", 0, 10);
  ASSERT_EQ(ids(waiting->jobs), (id_list{"1"}));
  EXPECT_NEAR(static_cast<double>(*s->move_due()), static_cast<double>(now_ms() + 60'000), 5'000);
  EXPECT_TRUE(remove(*s, waiting->jobs.front()));

  put(*s, {job("2")});
  got = take(*s, claim(1));
  EXPECT_EQ(end(*s, got[0], kind::failed_retry, now_ms() - 1), 1U);
  auto next = s->move_due();
  ASSERT_TRUE(next) << to_string(next.error());
  EXPECT_EQ(*next, 0);
  got = take(*s, claim(1));
  ASSERT_EQ(ids(got), (id_list{"2"}));
  EXPECT_EQ(got[0].failures, 1U);
  EXPECT_EQ(got[0].crashes, 0U);
  EXPECT_EQ(got[0].payload, job("2").payload);
  EXPECT_EQ(end(*s, got[0], kind::done), 1U);
}

TEST_P(job_store_fixture, a_delayed_job_is_ready_when_it_is_due) {
  auto s = open();
  auto later = job("later"), soon = job("soon");
  later.run_at_ms = now_ms() + 3'600'000;
  soon.run_at_ms = now_ms() + 150;
  put(*s, {later, soon, job("now")});
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"now"}));
  EXPECT_EQ(*s->move_due(), soon.run_at_ms);
  EXPECT_EQ(counts_of(*s, "q").delayed, 2U);
  auto clock = s->make_clock_waiter();
  clock->watch({});
  while (now_ms() < soon.run_at_ms) clock->wait(milliseconds(soon.run_at_ms - now_ms() + 1));
  EXPECT_EQ(*s->move_due(), later.run_at_ms);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"soon"}));
}

TEST_P(job_store_fixture, a_delayed_job_wakes_the_clock) {
  auto s = open(), producer = open();
  auto clock = s->make_clock_waiter();
  clock->watch({});
  clock->wait(1ms);
  auto later = job("later");
  later.run_at_ms = now_ms() + 3'600'000;
  auto woken = std::async(std::launch::async, [&] {
    auto begin = std::chrono::steady_clock::now();
    clock->wait(10s);
    return std::chrono::steady_clock::now() - begin;
  });
  put(*producer, {later});
  EXPECT_LT(woken.get(), 5s);
}

TEST_P(job_store_fixture, a_key_is_free_when_its_time_is_over) {
  auto s = open();
  auto a = job("a"), b = job("b");
  a.lock = b.lock = "unique:k";
  a.lock_for = b.lock_for = 30ms;
  put(*s, {a});
  auto until = now_ms() + 60;
  auto clock = s->make_clock_waiter();
  clock->watch({});
  while (now_ms() < until) clock->wait(milliseconds(until - now_ms()));
  put(*s, {b});
  ASSERT_TRUE(s->tidy());
}

TEST_P(job_store_fixture, a_schedule_goes_on_when_the_clock_was_set_back) {
  auto s = open(), other = open();
  auto now = now_ms(), ahead = now + 3'600'000;
  ASSERT_TRUE(s->put_schedule({"nightly", "{}", ahead}));
  EXPECT_EQ(*s->fire("nightly", ahead, now, nullptr), firing::noted);
  EXPECT_EQ(*other->fire("nightly", ahead, now, nullptr), firing::others) << "said once";
  EXPECT_EQ(s->schedules()->front().last_ms, now);
  auto j = job("j");
  EXPECT_EQ(*other->fire("nightly", now, now + 1, &j), firing::stored);
}

TEST_P(job_store_fixture, a_schedule_fires_once_whoever_tries_and_goes_when_removed) {
  auto s = open(), other = open();
  ASSERT_TRUE(s->put_schedule({"nightly", "{}", 1'000}));
  auto j = job("j");
  EXPECT_EQ(*s->fire("nightly", 1'000, 2'000, &j), firing::stored);
  EXPECT_EQ(*other->fire("nightly", 1'000, 2'000, &j), firing::others);
  EXPECT_EQ(*other->fire("nightly", 2'000, 3'000, nullptr), firing::noted);
  auto all = s->schedules();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().last_ms, 3'000);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"j"}));
  EXPECT_TRUE(*s->remove_schedule("nightly"));
  EXPECT_FALSE(*s->remove_schedule("nightly"));
  EXPECT_EQ(*s->fire("nightly", 3'000, 4'000, &j), firing::others);
}

TEST_P(job_store_fixture, who_becomes_ready_stands_behind_those_that_are) {
  auto s = open();
  auto later = job("later");
  later.run_at_ms = now_ms() + 500;
  put(*s, {later, job("dead")});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  put(*s, {job("first")});
  while (now_ms() <= later.run_at_ms) std::this_thread::yield();
  ASSERT_TRUE(s->move_due());
  EXPECT_TRUE(requeue(*s, **s->find("dead")));
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"first", "later", "dead"}));
}

TEST_P(job_store_fixture, a_schedule_that_is_stored_again_keeps_its_last_time_when_told_to) {
  auto s = open();
  ASSERT_TRUE(s->put_schedule({"a", "one", 5}, true));
  ASSERT_TRUE(s->put_schedule({"a", "two", 9}, true));
  EXPECT_EQ(s->schedules()->front().last_ms, 5);
  EXPECT_EQ(s->schedules()->front().document, "two");
  ASSERT_TRUE(s->put_schedule({"a", "two", 9}));
  EXPECT_EQ(s->schedules()->front().last_ms, 9);
}

}  // namespace sm
