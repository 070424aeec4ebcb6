// The list `failed`, which others read and change, too.
#include "queue/failure_record.hpp"
#include "redis_store_fixture.hpp"

namespace sm {

namespace {

std::string record_of(const job_id& id, const std::string& failed_at = "2026-11-23T10:22:20Z") {
  return encode_failure({.failed_at = failed_at, .payload = job(id).payload, .queue = "q"});
}

}  // namespace

TEST_F(redis_store_fixture, whatever_others_do_to_the_dead_meanwhile_no_other_is_taken_for_them) {
  auto s = open();
  for (int i = 0; i < 20; ++i) redis_.cli({"RPUSH", "resque:failed", record_of(std::to_string(i))});
  auto seen = s->jobs(job_state::dead, "", 0, 100)->jobs;
  ASSERT_EQ(seen.size(), 20U);
  // A worker trims from the front; the web page removes one, and requeues another in its place.
  redis_.cli({"LPOP", "resque:failed"});
  redis_.cli({"LPOP", "resque:failed"});
  redis_.cli({"LREM", "resque:failed", "1", record_of("9")});
  auto retried = record_of("12");
  retried.insert(retried.size() - 1, R"(,"retried_at":"2026/11/23 10:59:39")");
  redis_.cli({"LSET", "resque:failed", "9", retried});
  std::vector<job_view> some(seen.begin(), seen.begin() + 15);
  EXPECT_EQ(*s->remove(some), 11U) << "not 0, 1, 9, and 12, which is another record by now";
  EXPECT_EQ(ids(s->jobs(job_state::dead, "", 0, 100)->jobs),
            (id_list{"12", "15", "16", "17", "18", "19"}));
  EXPECT_EQ(*s->requeue(std::vector{seen[19], seen[16], seen[0]}), 2U);
  EXPECT_EQ(redis_.cli({"LRANGE", "resque:queue:q", "0", "-1"}),
            job("16").payload + "\n" + job("19").payload);
}

TEST_F(redis_store_fixture, the_dead_end_by_age_behind_dates_that_nobody_can_read) {
  auto s = std::move(*open_job_store(redis_.url(), {.dead_age = 24h}));
  auto put_dead = [&](const job_id& id, const std::string& at) {
    redis_.cli({"RPUSH", "resque:failed", record_of(id, at)});
  };
  put_dead("unreadable", "the day before yesterday");
  redis_.cli({"RPUSH", "resque:failed", "no record"});
  put_dead("php", "Sat Nov 28 16:53:41 CET 2020");
  put_dead("node", "Sat Nov 28 2020 16:53:41 GMT+0100 (Central European Standard Time)");
  put_dead("ruby", "2020/11/28 16:53:41 CET");
  put_dead("young", resque_time(now_ms() - 60'000));
  put_dead("behind", "2020-11-28T16:53:41Z");
  ASSERT_TRUE(s->tidy());
  auto left = ids(s->jobs(job_state::dead, "", 0, 100)->jobs);
  ASSERT_EQ(left.size(), 4U);
  EXPECT_EQ(left[0], "unreadable");
  EXPECT_EQ(left[2], "young");
}

}  // namespace sm
