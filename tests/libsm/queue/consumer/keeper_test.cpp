// Leases, deadlines and wishes are kept whatever the jobs and the store do.
#include "queue/consumer/keeper.hpp"

#include "consumer_fixture.hpp"

namespace sm::test {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

class keeper_fixture : public consumer_fixture {
 protected:
  keeper_fixture() : consumer_fixture(300ms) {}
  void give_up() { set(&consumer_shared::abandoned); }
};

TEST_F(keeper_fixture, a_lost_lease_ends_its_job_alone) {
  auto lost = in_hand(1), kept_one = in_hand(2);
  kept->renewed = [this] {
    if (kept->calls.size() > 1) give_up();
    return std::vector<delivery_tag>{{1, 0}};
  };
  keeper(shared).run();
  EXPECT_EQ(lost->job.cancelled, cancel_reason::lease_lost);
  EXPECT_EQ(kept_one->job.cancelled, cancel_reason::none);
  ASSERT_FALSE(runner->told.empty());
  EXPECT_EQ(runner->told[0], cancel_reason::lease_lost);
}

TEST_F(keeper_fixture, what_the_store_throws_at_a_renewal_is_asked_again) {
  in_hand(1);
  kept->renewed = [this]() -> result<std::vector<delivery_tag>> {
    if (kept->calls.size() == 1) throw std::bad_alloc();
    give_up();
    return std::vector<delivery_tag>{};
  };
  keeper k(shared);
  EXPECT_THROW(k.run(), std::bad_alloc);
  k.run();
  EXPECT_GE(kept->calls.size(), 2U);
}

TEST_F(keeper_fixture, a_job_over_its_time_is_asked_to_end_and_then_its_process_ends) {
  auto deaf = in_hand(1), other = in_hand(2);
  deaf->job.started = other->job.started = true;
  deaf->deadline = clock::now();
  deaf->overdue_at = clock::now() + 20ms;
  keeper(shared).run();
  EXPECT_EQ(runner->told, std::vector{cancel_reason::timeout});
  EXPECT_EQ(runner->killed, 1);
  ASSERT_EQ(kept->asked.size(), 1U);
  ASSERT_EQ(kept->asked[0].outcomes.size(), 2U);
  EXPECT_EQ(kept->asked[0].outcomes[0].exception, "sm::Timeout");
  EXPECT_EQ(kept->asked[0].outcomes[1].how, job_outcome::kind::returned) << "it is not to blame";
  EXPECT_EQ(kept->asked[0].claim.max, 0U);
  EXPECT_EQ(overdue, 1);
}

TEST_F(keeper_fixture, a_process_that_must_end_ends_though_the_store_throws) {
  in_hand(1)->overdue_at = clock::now();
  kept->answers.push_back([](auto&) -> result<exchange_result> { throw std::bad_alloc(); });
  keeper(shared).run();
  EXPECT_EQ(overdue, 1);
}

TEST_F(keeper_fixture, a_process_that_must_end_ends_though_its_last_words_throw) {
  auto deaf = in_hand(1);
  deaf->overdue_at = clock::now();
  shared->told_tallies = false;
  on_tallies = [] { throw std::bad_alloc(); };
  keeper(shared).run();
  EXPECT_EQ(overdue, 1);
}

TEST_F(keeper_fixture, a_job_with_a_process_of_its_own_is_killed_alone) {
  runner->isolated = true;
  in_hand(1)->overdue_at = clock::now();
  kept->renewed = [this] {
    give_up();
    return std::vector<delivery_tag>{};
  };
  keeper(shared).run();
  EXPECT_EQ(runner->killed, 1);
  EXPECT_EQ(overdue, 0);
  EXPECT_TRUE(kept->asked.empty());
}

TEST_F(keeper_fixture, a_wish_ends_a_job_that_runs_and_keeps_one_that_waits_from_its_start) {
  auto running = in_hand(1, R"({"class":"A","id":"running"})");
  running->job.started = true;
  auto waiting = ready(2, R"({"class":"A","id":"waiting"})");
  auto another = ready(3, R"({"class":"A","id":"another"})");
  shared->moved_at = clock::now() + 1min;  // none of them waits for too long
  kept->wishes = [this] {
    give_up();
    return std::vector<job_id>{"running", "waiting"};
  };
  keeper(shared).run();
  EXPECT_EQ(running->job.cancelled, cancel_reason::by_request);
  EXPECT_EQ(runner->told, std::vector{cancel_reason::by_request});
  EXPECT_TRUE(waiting->ended);
  EXPECT_FALSE(another->ended);
  ASSERT_EQ(shared->outcomes.size(), 1U);
  EXPECT_EQ(shared->outcomes[0].how, job_outcome::kind::cancelled);
  EXPECT_EQ(shared->ready, std::deque{another});
}

}  // namespace sm::test
