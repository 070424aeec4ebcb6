// Leases: who holds a job, and what becomes of it when that one is gone.
#include <future>
#include <set>

#include "job_store_fixture.hpp"
#include "queue/job_status.hpp"

namespace sm {

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

}  // namespace sm
