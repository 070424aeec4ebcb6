// Queues that are paused or limited.
#include "job_store_fixture.hpp"
#include "store/sqlite.hpp"

namespace sm {

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
  ASSERT_TRUE(s->put_limits("q", {.rate = 3, .period = 3min}));
  EXPECT_EQ(take(*s, claim(2)).size(), 2U);
  EXPECT_EQ(take(*s, claim(10)).size(), 1U);
  auto again = s->exchange({}, claim(10));
  EXPECT_LE(again->look_again, 1min);  // one more each minute, however slow the disk
  ASSERT_TRUE(s->put_limits("q", {}));
  EXPECT_EQ(take(*s, claim(5)).size(), 5U);
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

}  // namespace sm
