// What every store must do: each test runs on SQLite and on a redis-server of its own.
#include <csignal>
#include <fstream>
#include <future>
#include <set>
#include <sstream>
#include <thread>

#include "job_store_fixture.hpp"
#include "queue/job_operations.hpp"
#include "queue/job_status.hpp"
#include "store/sqlite.hpp"

namespace sm {

INSTANTIATE_TEST_SUITE_P(on, job_store_fixture, ::testing::Values("sqlite", "redis"),
                         [](auto& p) { return std::string(p.param); });

TEST_P(job_store_fixture, jobs_come_out_in_the_order_they_went_in_with_their_bytes) {
  auto s = open();
  std::string bytes("{\"class\" : \"X\",\"args\":[\"h\xc3\xa9\\/\"] }");
  put(*s, {{.id = "1", .queue = "q", .payload = bytes}, job("2")});
  put(*s, {job("3")});
  auto got = take(*s, claim(10));
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].payload, bytes);
  EXPECT_EQ(got[0].attempt(), 1U);
  EXPECT_EQ(ids({got[1], got[2]}), (id_list{"2", "3"}));
  EXPECT_TRUE(take(*s, claim(10)).empty());
}

TEST_P(job_store_fixture, payloads_may_hold_any_bytes) {
  auto s = open();
  std::string bytes("no \0 JSON\n\r\n\xff", 13);
  put(*s, {{.id = "x", .queue = "q", .payload = bytes}});
  auto got = take(*s, claim(1));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].payload, bytes);
  EXPECT_EQ(end(*s, got[0], kind::failed_dead), 1U);
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->jobs.size(), 1U);
  EXPECT_EQ(dead->jobs.front().payload, bytes);
  EXPECT_TRUE(requeue(*s, dead->jobs.front()));
  EXPECT_EQ(take(*s, claim(1)).at(0).payload, bytes);
}

TEST_P(job_store_fixture, queues_are_served_by_priority_globs_and_exclusions) {
  auto s = open();
  put(*s, {job("l", "low"), job("h", "high"), job("o", "other"), job("m", "mail_1")});
  EXPECT_EQ(ids(take(*s, claim(10, {"high", "low"}))), (id_list{"h", "l"}));
  EXPECT_EQ(ids(take(*s, claim(10, {"*", "!mail_*"}))), (id_list{"o"}));
  EXPECT_EQ(ids(take(*s, claim(10, {"mail_?"}))), (id_list{"m"}));
}

TEST_P(job_store_fixture, a_batch_is_stored_in_order_across_queues_and_many_calls) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 5'000; ++i) jobs.push_back(job(std::to_string(i), i % 7 == 0 ? "b" : "a"));
  put(*s, jobs);
  EXPECT_EQ(counts_of(*s, "a").ready + counts_of(*s, "b").ready, 5'000U);
  int last = -1;
  for (auto& d : take(*s, claim(5'000, {"a"}))) {
    auto number = std::stoi(key_of_job(d.payload));
    EXPECT_GT(number, last);
    last = number;
  }
}

TEST_P(job_store_fixture, a_job_that_is_done_is_gone_and_one_that_is_dead_is_kept_with_its_error) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto got = take(*s, claim(2));
  std::vector<job_outcome> both{outcome(got[0], kind::done), outcome(got[1], kind::failed_dead)};
  auto ended = s->exchange(both, claim(0));
  ASSERT_TRUE(ended) << to_string(ended.error());
  EXPECT_EQ(ended->accepted, 2U);
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->jobs.size(), 1U);
  auto& d = dead->jobs.front();
  EXPECT_EQ(d.id, "2");
  EXPECT_EQ(d.payload, job("2").payload);
  EXPECT_EQ(d.exception, "std::exception");
  EXPECT_EQ(d.error, "boom");
  EXPECT_EQ(d.worker, worker);
  EXPECT_NEAR(static_cast<double>(d.failed_at_ms), static_cast<double>(now_ms()), 5'000);
  auto totals = s->totals();
  EXPECT_EQ(totals->processed, 2U);
  EXPECT_EQ(totals->failed, 1U);
  EXPECT_EQ(totals->dead, 1U);
  EXPECT_EQ(counts_of(*s, "q").running, 0U);
}

TEST_P(job_store_fixture, a_lease_that_ran_out_makes_the_job_ready_and_fences_its_former_holder) {
  auto s = open();
  put(*s, {job("1")});
  auto first = take(*s, claim(1, {"*"}, 0ms));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(*s->reap(), 1U);
  auto second = take(*s, claim(1));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].attempt(), 2U);
  for (auto how :
       {kind::done, kind::failed_dead, kind::failed_retry, kind::returned, kind::cancelled})
    EXPECT_EQ(end(*s, first[0], how), 0U);
  EXPECT_EQ(s->totals()->processed, 0U);
  EXPECT_EQ(end(*s, second[0], kind::done), 1U);
  EXPECT_EQ(end(*s, second[0], kind::done), 0U);
}

TEST_P(job_store_fixture, a_renewed_lease_holds_and_a_lost_one_is_reported) {
  auto s = open();
  put(*s, {job("1")});
  auto got = take(*s, claim(1, {"*"}, 0ms));
  EXPECT_TRUE(s->renew(got, 30s)->empty());
  EXPECT_EQ(*s->reap(), 0U);
  EXPECT_EQ(*s->release(worker), 1U);
  EXPECT_EQ(*s->renew(got, 30s), std::vector<delivery_tag>{got[0].tag});
}

TEST_P(job_store_fixture, what_a_dead_worker_had_in_hand_stands_at_the_head_in_its_old_order) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3"), job("4")});
  auto mine = claim(1);
  mine.worker = "other:2:*";
  auto other = take(*s, mine);
  EXPECT_EQ(take(*s, claim(2)).size(), 2U);
  EXPECT_EQ(*s->release(worker), 2U);
  EXPECT_EQ(ids(s->jobs(job_state::ready, "q", 0, 10)->jobs), (id_list{"2", "3", "4"}));
  EXPECT_EQ(end(*s, other[0], kind::done), 1U) << "the other worker's job is untouched";
}

TEST_P(job_store_fixture, a_job_that_takes_its_consumer_with_it_again_and_again_is_dead) {
  auto s = open();
  put(*s, {job("1")});
  for (unsigned i = 1; i <= crashes_max; ++i) {
    auto got = take(*s, claim(10));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].crashes, i - 1);
    EXPECT_EQ(*s->release(worker), 1U);
  }
  EXPECT_TRUE(take(*s, claim(10)).empty());
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->jobs.size(), 1U);
  EXPECT_EQ(dead->jobs.front().exception, "sm::LeaseExpired");
  EXPECT_EQ(s->totals()->failed, 1U);
}

TEST_P(job_store_fixture, a_job_that_crashed_consumers_comes_alone_and_takes_no_other_with_it) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3")});
  EXPECT_EQ(take(*s, claim(2)).size(), 2U);
  EXPECT_EQ(*s->release(worker), 2U);
  EXPECT_EQ(take(*s, claim(2)).size(), 2U) << "once may be chance";
  EXPECT_EQ(*s->release(worker), 2U);
  auto busy = claim(10);
  busy.alone = false;
  auto kept = s->exchange({}, busy);
  EXPECT_TRUE(kept->claimed.empty());
  EXPECT_TRUE(kept->suspect_waits);
  auto first = take(*s, claim(10));
  EXPECT_EQ(ids(first), (id_list{"1"}));
  EXPECT_EQ(end(*s, first[0], kind::done), 1U);
  busy.pass_suspects = true;
  std::vector<delivery> passed;
  for (int i = 0; i < 2 && passed.empty(); ++i) passed = take(*s, busy);
  EXPECT_EQ(ids(passed), (id_list{"3"})) << "others need not wait for ever";
  auto second = take(*s, claim(10));
  EXPECT_EQ(ids(second), (id_list{"2"}));
  EXPECT_EQ(second.at(0).crashes, 2U);
  EXPECT_EQ(end(*s, second[0], kind::done), 1U);
}

TEST_P(job_store_fixture, a_job_that_dies_by_crashes_frees_its_key_and_its_status_says_so) {
  auto s = open();
  auto j = job("1");
  j.payload =
      encode_payload({.type = "T", .args = json::array({1}), .id = "1", .lock = "unique:k"});
  j.lock = "unique:k";
  j.lock_for = 1h;
  j.status = encode_status({.type = "T"});
  put(*s, {j});
  for (unsigned i = 0; i < crashes_max; ++i) {
    ASSERT_EQ(take(*s, claim(1)).size(), 1U);
    EXPECT_EQ(*s->release(worker), 1U);
  }
  EXPECT_EQ(decode_status(*s->status("1")).status, job_status::phase::failed);
  auto next = job("2");
  next.lock = "unique:k";
  next.lock_for = 1h;
  put(*s, {next});
}

TEST_P(job_store_fixture, a_wish_to_cancel_does_not_outlive_the_job) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto got = take(*s, claim(2));
  ASSERT_TRUE(s->request_cancel("1"));
  ASSERT_TRUE(s->request_cancel("2"));
  EXPECT_EQ(end(*s, got[0], kind::failed_dead), 1U);
  EXPECT_EQ(end(*s, got[1], kind::done), 1U);
  EXPECT_TRUE(s->cancel_requests()->empty());
}

TEST_P(job_store_fixture, a_progress_that_comes_late_does_not_undo_the_end) {
  auto s = open();
  auto j = job("1");
  j.status = encode_status({.type = "T"});
  put(*s, {j});
  auto o = outcome(take(*s, claim(1)).at(0), kind::done);
  o.status = encode_status({.status = job_status::phase::complete, .result = 7});
  EXPECT_EQ(s->exchange(std::vector<job_outcome>{o}, claim(0))->accepted, 1U);
  std::vector<std::pair<job_id, std::string>> late{
      {"1", encode_status({.status = job_status::phase::running, .share = 0.9})}};
  ASSERT_TRUE(s->put_status(late));
  EXPECT_EQ(decode_status(*s->status("1")).result, 7);
}

TEST_P(job_store_fixture, jobs_that_are_handed_back_are_unharmed_and_uncounted) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto got = take(*s, claim(2));
  std::vector<job_outcome> both{outcome(got[1], kind::returned), outcome(got[0], kind::returned)};
  EXPECT_EQ(s->exchange(both, claim(0))->accepted, 2U);
  got = take(*s, claim(2));
  EXPECT_EQ(ids(got), (id_list{"1", "2"}));
  EXPECT_EQ(got[0].attempt(), 1U);
  EXPECT_EQ(s->totals()->processed, 0U);
}

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

TEST_P(job_store_fixture, an_id_given_twice_is_one_job_even_after_it_is_done) {
  auto s = open();
  auto first = job("same");
  first.lock = "id:same";
  first.lock_for = 1h;
  put(*s, {first});
  EXPECT_EQ(end(*s, take(*s, claim(1)).at(0), kind::done), 1U);
  auto again = s->enqueue(std::vector<new_job>{job("a"), first, job("b")}, 1s);
  ASSERT_EQ(again->size(), 1U);
  EXPECT_EQ(again->front().index, 1U);
  EXPECT_EQ(again->front().id, "same");
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"a", "b"}));
}

TEST_P(job_store_fixture, a_unique_job_frees_its_key_when_it_ends_or_when_told_to) {
  auto s = open();
  auto unique = [](const job_id& id) {
    auto j = job(id);
    j.lock = "unique:k";
    j.lock_for = 1h;
    return j;
  };
  put(*s, {unique("1")});
  auto refused = s->enqueue(std::vector<new_job>{unique("2")}, 1s);
  ASSERT_EQ(refused->size(), 1U);
  EXPECT_EQ(refused->front().id, "1");
  auto o = outcome(take(*s, claim(1)).at(0), kind::done);
  o.lock = "unique:k";
  EXPECT_EQ(s->exchange(std::vector<job_outcome>{o}, claim(0))->accepted, 1U);
  put(*s, {unique("3")});
  ASSERT_TRUE(s->release_lock("unique:k", "somebody else"));
  EXPECT_EQ(s->enqueue(std::vector<new_job>{unique("4")}, 1s)->size(), 1U);
  ASSERT_TRUE(s->release_lock("unique:k", "3"));
  put(*s, {unique("5")});
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

TEST_P(job_store_fixture, a_paused_queue_keeps_its_jobs_and_so_do_all_when_all_are_paused) {
  auto s = open();
  put(*s, {job("1", "a"), job("2", "b")});
  ASSERT_TRUE(s->pause("a", true));
  auto got = s->exchange({}, claim(10));
  EXPECT_EQ(ids(got->claimed), (id_list{"2"}));
  EXPECT_EQ(got->held_back, (std::vector<std::string>{"a"}));
  EXPECT_TRUE(counts_of(*s, "a").paused);
  ASSERT_TRUE(s->pause("a", false));
  ASSERT_TRUE(s->pause("", true));
  EXPECT_TRUE(take(*s, claim(10)).empty());
  EXPECT_TRUE(s->totals()->paused);
  ASSERT_TRUE(s->pause("", false));
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"1"}));
}

TEST_P(job_store_fixture, a_queue_runs_no_more_jobs_at_a_time_than_its_limit_over_all_workers) {
  auto s = open(), other = open();
  put(*s, {job("1"), job("2"), job("3")});
  ASSERT_TRUE(s->put_limits("q", {.concurrency = 2}));
  auto first = take(*s, claim(1));
  auto rq = claim(10);
  rq.worker = "other:2:*";
  auto second = other->exchange({}, rq);
  EXPECT_EQ(ids(second->claimed), (id_list{"2"}));
  auto none = other->exchange({}, rq);
  EXPECT_TRUE(none->claimed.empty());
  EXPECT_EQ(none->held_back, (std::vector<std::string>{"q"}));
  EXPECT_EQ(end(*s, first[0], kind::done), 1U);
  EXPECT_EQ(ids(take(*other, rq)), (id_list{"3"}));
  EXPECT_EQ(counts_of(*s, "q").limits.concurrency, 2U);
}

TEST_P(job_store_fixture, a_queue_begins_no_more_jobs_than_its_rate_allows) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  ASSERT_TRUE(s->put_limits("q", {.rate = 3, .period = 1h}));
  EXPECT_EQ(take(*s, claim(10)).size(), 3U);
  auto none = s->exchange({}, claim(10));
  EXPECT_TRUE(none->claimed.empty());
  EXPECT_EQ(none->held_back, (std::vector<std::string>{"q"}));
  ASSERT_TRUE(s->put_limits("q", {.rate = 3, .period = 100ms}));
  EXPECT_EQ(take(*s, claim(2)).size(), 2U);
  EXPECT_EQ(take(*s, claim(10)).size(), 1U);
  auto again = s->exchange({}, claim(10));
  EXPECT_LE(again->look_again, 100ms);
  ASSERT_TRUE(s->put_limits("q", {}));
  EXPECT_EQ(take(*s, claim(5)).size(), 5U);
}

TEST_P(job_store_fixture, a_tracked_job_has_a_status_from_the_begin_until_after_its_end) {
  auto s = open();
  auto tracked = job("t");
  tracked.status = encode_status({.updated_s = 1, .started_s = 1, .type = "T", .queue = "q"});
  put(*s, {job("u"), tracked});
  EXPECT_EQ(decode_status(*s->status("t")).status, job_status::phase::waiting);
  EXPECT_EQ(*s->status("u"), "");
  auto got = take(*s, claim(2));
  EXPECT_EQ(got[0].status, "");
  EXPECT_EQ(decode_status(got[1].status).type, "T");
  std::vector<std::pair<job_id, std::string>> running{
      {"t", encode_status({.status = job_status::phase::running, .share = 0.5, .text = "half"})},
      {"u", encode_status({.status = job_status::phase::running})}};
  ASSERT_TRUE(s->put_status(running));
  EXPECT_EQ(decode_status(*s->status("t")).text, "half");
  EXPECT_EQ(*s->status("u"), "") << "only who is tracked has a status";
  auto o = outcome(got[1], kind::done);
  o.status = encode_status({.status = job_status::phase::complete, .result = {{"sum", 3}}});
  EXPECT_EQ(s->exchange(std::vector<job_outcome>{o}, claim(0))->accepted, 1U);
  EXPECT_EQ(decode_status(*s->status("t")).result["sum"], 3);
}

TEST_P(job_store_fixture, a_job_is_found_wherever_it_is) {
  auto s = open();
  auto delayed = job("delayed");
  delayed.run_at_ms = now_ms() + 3'600'000;
  std::string ruby = R"({"class":"EchoJob","args":["a/b",{"k":"héllo"},3]})";
  put(*s, {job("running"),
           job("dead"),
           job("ready", "z"),
           delayed,
           {.id = key_of_job(ruby), .queue = "z", .payload = ruby}});
  auto got = take(*s, claim(2, {"q"}));
  EXPECT_EQ(end(*s, got[1], kind::failed_dead), 1U);
  for (auto [id, state] : {std::pair{"running", job_state::running},
                           {"dead", job_state::dead},
                           {"ready", job_state::ready},
                           {"delayed", job_state::delayed}}) {
    auto found = s->find(id);
    ASSERT_TRUE(found) << to_string(found.error());
    ASSERT_TRUE(*found) << id;
    EXPECT_EQ((*found)->state, state) << id;
    EXPECT_EQ((*found)->payload, job(id).payload) << id;
  }
  EXPECT_EQ((*s->find(sha1_hex(ruby)))->queue, "z");
  EXPECT_FALSE(*s->find("nowhere"));
  EXPECT_EQ((*s->find("running"))->worker, worker);
}

TEST_P(job_store_fixture, jobs_that_wait_are_removed_and_running_ones_asked_to_end) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3")});
  auto got = take(*s, claim(1));
  EXPECT_TRUE(remove(*s, **s->find("2")));
  EXPECT_FALSE(*s->find("2"));
  EXPECT_FALSE(remove(*s, **s->find("1")));
  ASSERT_TRUE(s->request_cancel("1"));
  EXPECT_EQ(*s->cancel_requests(), (id_list{"1"}));
  EXPECT_EQ(end(*s, got[0], kind::cancelled), 1U);
  EXPECT_TRUE(s->cancel_requests()->empty());
  EXPECT_EQ(s->totals()->failed, 0U);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"3"}));
}

TEST_P(job_store_fixture, dead_jobs_are_requeued_with_a_fresh_count_and_removed) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  for (auto& d : take(*s, claim(2))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  EXPECT_TRUE(requeue(*s, **s->find("1")));
  auto got = take(*s, claim(10));
  ASSERT_EQ(ids(got), (id_list{"1"}));
  EXPECT_EQ(got[0].attempt(), 1U);
  auto dead = **s->find("2");
  EXPECT_TRUE(remove(*s, dead));
  EXPECT_FALSE(requeue(*s, dead));
  EXPECT_EQ(s->totals()->dead, 0U);
}

TEST_P(job_store_fixture, jobs_that_die_together_stand_in_their_order) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3"), job("4")});
  std::vector<job_outcome> outcomes;
  for (auto& d : take(*s, claim(4)))
    outcomes.push_back(outcome(d, outcomes.size() == 3 ? kind::returned : kind::failed_dead));
  ASSERT_TRUE(s->exchange(outcomes, claim(0)));
  EXPECT_EQ(ids(s->jobs(job_state::dead, "", 0, 10)->jobs), (id_list{"1", "2", "3"}));
  EXPECT_EQ(ids(take(*s, claim(4))), (id_list{"4"}));
}

TEST_P(job_store_fixture, the_dead_are_bounded) {
  auto s = open({.enqueue_timeout = 2s, .dead_max = 3});
  std::vector<new_job> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  for (auto& d : take(*s, claim(10))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  ASSERT_TRUE(s->tidy());
  EXPECT_EQ(ids(s->jobs(job_state::dead, "", 0, 10)->jobs), (id_list{"7", "8", "9"}));
}

TEST_P(job_store_fixture, listings_are_paged) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 25; ++i) jobs.push_back(job(std::to_string(i), i < 10 ? "a" : "b"));
  put(*s, jobs);
  EXPECT_EQ(ids(s->jobs(job_state::ready, "", 8, 4)->jobs), (id_list{"8", "9", "10", "11"}));
  EXPECT_EQ(ids(s->jobs(job_state::ready, "b", 13, 10)->jobs), (id_list{"23", "24"}));
  EXPECT_TRUE(s->jobs(job_state::ready, "c", 0, 10)->jobs.empty());
  EXPECT_EQ(take(*s, claim(3, {"b"})).size(), 3U);
  EXPECT_EQ(ids(s->jobs(job_state::running, "b", 1, 1)->jobs), (id_list{"11"}));
}

TEST_P(job_store_fixture, a_queue_is_removed_with_what_waits_in_it) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3", "other")});
  EXPECT_EQ(*s->remove_queue("q"), 2U);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"3"}));
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

TEST_P(job_store_fixture, what_an_exchange_claimed_unheard_is_put_back_uncounted) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto heard = take(*s, claim(1));
  EXPECT_EQ(take(*s, claim(1)).size(), 1U);
  std::vector<delivery_tag> held{heard[0].tag};
  EXPECT_EQ(*s->resync(worker, held), 1U);
  auto got = take(*s, claim(10));
  ASSERT_EQ(ids(got), (id_list{"2"}));
  EXPECT_EQ(got[0].attempt(), 1U);
  EXPECT_EQ(end(*s, heard[0], kind::done), 1U);
}

TEST_P(job_store_fixture, a_waiter_wakes_for_a_job_and_for_an_interruption) {
  auto s = open(), producer = open();
  auto waiter = s->make_waiter();
  put(*producer, {job("first")});  // the queue is known
  EXPECT_EQ(take(*s, claim(1)).size(), 1U);
  waiter->watch({"q"});
  EXPECT_TRUE(take(*s, claim(1)).empty());
  auto waited = [&] {
    auto begin = std::chrono::steady_clock::now();
    waiter->wait(10s);
    return std::chrono::steady_clock::now() - begin;
  };
  auto woken = std::async(std::launch::async, waited);
  put(*producer, {job("second")});
  EXPECT_LT(woken.get(), 5s);
  EXPECT_EQ(ids(take(*s, claim(1))), (id_list{"second"}));
  waiter->unwatch();
  waiter->interrupt();
  EXPECT_LT(waited(), 5s);
}

TEST_P(job_store_fixture, jobs_move_between_stores_with_their_bytes_and_counts) {
  auto s = open();
  std::string ruby = R"({"class":"EchoJob", "args":["a\/b"]})";
  std::vector<job_view> all{{.id = key_of_job(ruby), .queue = "r", .payload = ruby, .failures = 2},
                            {.id = "d",
                             .queue = "q",
                             .payload = job("d").payload,
                             .state = job_state::delayed,
                             .run_at_ms = now_ms() + 3'600'000},
                            {.id = "x",
                             .queue = "q",
                             .payload = job("x").payload,
                             .state = job_state::dead,
                             .worker = "h:1:*",
                             .exception = "E",
                             .error = "e",
                             .failed_at_ms = 1'700'000'000'000}};
  ASSERT_TRUE(s->import(all));
  auto got = take(*s, claim(10));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].payload, ruby);
  EXPECT_EQ(got[0].failures, 2U);
  EXPECT_EQ(ids(s->jobs(job_state::delayed, "", 0, 10)->jobs), (id_list{"d"}));
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(ids(dead->jobs), (id_list{"x"}));
  EXPECT_EQ(dead->jobs.front().failed_at_ms, 1'700'000'000'000);
  EXPECT_EQ(dead->jobs.front().payload, job("x").payload);
}

TEST_P(job_store_fixture, a_clock_that_is_set_back_gives_no_jobs_beyond_the_rate) {
  auto s = open();
  ASSERT_TRUE(s->put_limits("q", {.rate = 10, .period = 60s}));
  std::vector<new_job> jobs;
  for (int i = 0; i < 50; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  EXPECT_EQ(take(*s, claim(3)).size(), 3U);
  // As it looks after the clock went back by an hour.
  auto ahead = std::to_string(now_ms() + 3'600'000);
  if (redis_)
    redis_->cli({"HSET", "resque:sm:queue:q", "at", ahead});
  else
    open_database(file(), {}).exec("UPDATE queue SET tokens_at = " + ahead);
  EXPECT_EQ(take(*s, claim(4)).size(), 4U);
  EXPECT_EQ(take(*s, claim(40)).size(), 3U);
  EXPECT_TRUE(take(*s, claim(40)).empty());
}

TEST_P(job_store_fixture, who_becomes_ready_stands_behind_those_that_are) {
  auto s = open();
  auto later = job("later");
  later.run_at_ms = now_ms() + 50;
  put(*s, {later, job("dead")});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  put(*s, {job("first")});
  while (now_ms() <= later.run_at_ms) std::this_thread::yield();
  ASSERT_TRUE(s->move_due());
  EXPECT_TRUE(requeue(*s, **s->find("dead")));
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"first", "later", "dead"}));
}

TEST_P(job_store_fixture, a_job_that_is_removed_frees_its_key_and_its_status_says_so) {
  auto s = open();
  for (auto where : {job_state::ready, job_state::delayed}) {
    auto j = job(where == job_state::ready ? "1" : "2");
    j.payload = encode_payload({.type = "T", .args = json::array(), .id = j.id, .lock = "key"});
    j.lock = "key";
    j.lock_for = 1h;
    j.status = encode_status({.updated_s = 1});
    if (where == job_state::delayed) j.run_at_ms = now_ms() + 3'600'000;
    put(*s, {j});
    auto found = **s->find(j.id);
    EXPECT_EQ(found.state, where);
    EXPECT_TRUE(remove(*s, found));
    EXPECT_FALSE(remove(*s, found));
    auto status = decode_status(*s->status(j.id));
    EXPECT_EQ(status.status, job_status::phase::failed);
    EXPECT_EQ(status.error, "cancelled");
  }
}

TEST_P(job_store_fixture, an_argument_with_an_id_is_not_the_jobs) {
  auto s = open();
  auto named = job("named");
  named.payload = R"({"id":"named","class":"T","args":[{"id":"argument"}]})";
  named.status = encode_status({.updated_s = 1});
  auto argument = job("argument");
  argument.status = encode_status({.updated_s = 2});
  std::string nameless = R"({"class":"T","args":[{"id":"argument"},{"id":"x"}]})";
  put(*s, {named, argument, {.id = sha1_hex(nameless), .queue = "q", .payload = nameless}});
  auto got = take(*s, claim(10));
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(decode_status(got[0].status).updated_s, 1);
  EXPECT_EQ(decode_status(got[1].status).updated_s, 2);
  EXPECT_EQ(got[2].status, "");
}

TEST_P(job_store_fixture, a_wish_to_cancel_is_not_meant_for_a_later_job_of_that_id) {
  auto s = open();
  ASSERT_TRUE(s->request_cancel("1"));  // it ended just before
  auto j = job("1");
  j.lock = "id:1";
  j.lock_for = 1h;
  put(*s, {j});
  EXPECT_TRUE(s->cancel_requests()->empty());
}

TEST_P(job_store_fixture, a_queue_stays_known_when_it_is_empty) {
  auto s = open();
  put(*s, {job("1", "mail")});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::done), 1U);
  ASSERT_TRUE(s->put_schedule({"nightly", "{}", 1}));
  auto scheduled = job("2", "nightly");
  EXPECT_EQ(*s->fire("nightly", 1, 2, &scheduled), firing::stored);
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::done), 1U);
  ASSERT_TRUE(s->import(std::vector<job_view>{{.id = "3", .queue = "import", .payload = "{}"}}));
  std::set<std::string> known;
  auto all = s->counts();
  for (auto& c : *all) known.insert(c.queue);
  EXPECT_EQ(known, (std::set<std::string>{"import", "mail", "nightly"}));
}

TEST_P(job_store_fixture, a_queue_says_when_its_limits_let_nothing_begin) {
  auto s = open();
  ASSERT_TRUE(s->put_limits("rate", {.rate = 2, .period = 60s}));
  ASSERT_TRUE(s->put_limits("few", {.concurrency = 1}));
  put(*s, {job("1", "rate"), job("2", "rate"), job("3", "rate"), job("4", "few"), job("5", "few")});
  EXPECT_FALSE(counts_of(*s, "rate").at_limit) << "the bucket is full";
  EXPECT_FALSE(counts_of(*s, "few").at_limit);
  EXPECT_EQ(take(*s, claim(10)).size(), 3U);
  EXPECT_TRUE(counts_of(*s, "rate").at_limit);
  EXPECT_TRUE(counts_of(*s, "few").at_limit);
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

TEST_P(job_store_fixture, none_of_the_dead_are_kept_when_none_shall_be) {
  auto s = open({.enqueue_timeout = 2s, .dead_max = 0});
  put(*s, {job("1")});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  ASSERT_TRUE(s->tidy());
  EXPECT_EQ(s->totals()->dead, 0U);
}

TEST_P(job_store_fixture, a_dead_job_nested_as_deep_as_can_be_comes_back) {
  auto s = open();
  auto depth = json_depth_max - 2;
  auto j = job("1");
  j.payload =
      R"({"class":"T","id":"1","args":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  put(*s, {j});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  auto dead = s->find("1");
  ASSERT_TRUE(*dead);
  EXPECT_EQ((*dead)->payload, j.payload);
  EXPECT_TRUE(requeue(*s, **dead));
  EXPECT_EQ(take(*s, claim(1))[0].payload, j.payload);
}

TEST_P(job_store_fixture, dead_jobs_are_found_and_swept_by_what_they_are) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 1'200; ++i) {
    auto id = std::to_string(i);
    jobs.push_back({.id = id,
                    .queue = i % 2 == 0 ? "even" : "odd",
                    .payload = encode_payload({.type = i % 3 == 0 ? "Three" : "Other", .id = id})});
  }
  put(*s, jobs);
  for (auto got = take(*s, claim(500)); !got.empty(); got = take(*s, claim(500))) {
    std::vector<job_outcome> outcomes;
    for (auto& d : got) outcomes.push_back(outcome(d, kind::failed_dead));
    ASSERT_TRUE(s->exchange(outcomes, claim(0)));
  }
  EXPECT_EQ(dead_jobs(*s, {.type = "Three"}, 10, 20)->jobs.size(), 20U);
  EXPECT_EQ(dead_jobs(*s, {.queue = "odd", .type = "Three"}, 190, 100)->jobs.size(), 10U);
  EXPECT_TRUE(dead_jobs(*s, {.text = "no such error"}, 0, 10)->jobs.empty());
  auto sweep = [&](const dead_filter& filter, dead_action action) {
    dead_sweep all(filter, action);
    for (auto more = all.step(*s); more.value_or(false);) more = all.step(*s);
    return all.count();
  };
  EXPECT_EQ(sweep({.queue = "odd", .type = "Three"}, dead_action::requeue), 200U);
  EXPECT_EQ(counts_of(*s, "odd").ready, 200U);
  EXPECT_EQ(sweep({.type = "Other", .text = "boom"}, dead_action::remove), 800U);
  EXPECT_EQ(s->totals()->dead, 200U);
  EXPECT_EQ(sweep({}, dead_action::requeue), 200U);
  EXPECT_EQ(sweep({}, dead_action::requeue), 0U);
  auto unknown = act_on_dead(*s, {"nobody"}, dead_action::remove);
  EXPECT_EQ(unknown->missing, (id_list{"nobody"}));
}

TEST_P(job_store_fixture, many_workers_share_the_jobs_and_none_gets_one_twice) {
  auto s = open({.enqueue_timeout = 20s});
  std::vector<new_job> jobs;
  for (int i = 0; i < 400; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  std::vector<std::future<id_list>> workers;
  for (int w = 0; w < 4; ++w)
    workers.push_back(std::async(std::launch::async, [&, w] {
      auto mine = open({.enqueue_timeout = 20s});
      id_list done;
      auto rq = claim(7);
      rq.worker = "host:" + std::to_string(w) + ":*";
      std::vector<job_outcome> outcomes;
      for (;;) {
        auto got = mine->exchange(outcomes, rq);
        if (!got || (got->claimed.empty() && outcomes.empty())) return done;
        outcomes.clear();
        for (auto& d : got->claimed) {
          done.push_back(key_of_job(d.payload));
          outcomes.push_back(outcome(d, kind::done));
        }
      }
    }));
  id_list all;
  for (auto& w : workers) {
    auto part = w.get();
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all.size(), 400U);
  EXPECT_EQ(std::set<job_id>(all.begin(), all.end()).size(), 400U);
  EXPECT_EQ(s->totals()->processed, 400U);
}

TEST(job_store, a_url_of_no_known_scheme_is_refused) {
  auto store = open_job_store("ftp://user:secret@x", {});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().detail.find("ftp://x"), std::string::npos) << store.error().detail;
}

}  // namespace sm
