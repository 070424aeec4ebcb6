// What a consumer tells its store and asks of it, and that nothing is lost when that fails.
#include "queue/consumer/claimer.hpp"

#include <algorithm>

#include "consumer_fixture.hpp"

namespace sm::test {

using numbers = std::vector<std::int64_t>;
using exchanged = fake_consumer_store::exchanged;

class claimer_fixture : public consumer_fixture {
 protected:
  /// The next exchange claims this, and the consumer stops after it.
  fake_consumer_store::answer last(exchange_result r = {}) {
    return [this, r](const exchanged&) -> result<exchange_result> {
      std::lock_guard lock(shared->mutex);
      shared->return_unstarted();
      shared->stopping = true;
      return r;
    };
  }
  long count(const char* call) const {
    return std::count(store->calls.begin(), store->calls.end(), call);
  }
};

TEST_F(claimer_fixture, what_the_store_throws_loses_no_outcome) {
  auto first = in_hand(1), second = in_hand(2);
  ended(first);
  store->answers.push_back([&](const exchanged&) -> result<exchange_result> {
    std::lock_guard lock(shared->mutex);
    ended(second);  // meanwhile
    throw std::bad_alloc();
  });
  claimer c(shared);
  EXPECT_THROW(c.run(), std::bad_alloc);
  shared->stopping = true;
  c.run();
  ASSERT_EQ(store->asked.size(), 2U);
  EXPECT_EQ(told(store->asked[0]), numbers{1});
  EXPECT_EQ(told(store->asked[1]), (numbers{1, 2})) << "the store may not have heard of it";
  EXPECT_EQ(store->resynced,
            (std::vector<std::vector<delivery_tag>>{{delivery_tag{1, 0}, delivery_tag{2, 0}}}));
  EXPECT_TRUE(shared->in_hand.empty());
  EXPECT_EQ(count("release"), 1) << "what another process with this pid left, not what it has";
}

TEST_F(claimer_fixture, a_store_that_is_away_is_asked_again_and_told_the_same) {
  ended(in_hand(1));
  auto away = [](const exchanged&) -> result<exchange_result> {
    return fail(errc::unavailable, "away");
  };
  store->answers = {away, away, last()};
  claimer(shared).run();
  ASSERT_EQ(store->asked.size(), 3U);
  for (auto& e : store->asked) EXPECT_EQ(told(e), numbers{1});
  EXPECT_EQ(store->resynced.size(), 2U) << "before it is asked again";
}

TEST_F(claimer_fixture, as_many_are_claimed_as_have_room_and_what_nobody_began_goes_back) {
  exchange_result two;
  two.claimed = {job(7), job(8)};
  store->answers = {[&](const exchanged&) { return two; }, last()};
  claimer(shared).run();
  ASSERT_EQ(store->asked.size(), 3U);
  auto& first = store->asked[0].claim;
  EXPECT_GE(first.max, 4U) << "its slots";
  EXPECT_TRUE(first.alone && first.idle);
  EXPECT_EQ(store->asked[1].claim.max, first.max - 2);
  EXPECT_FALSE(store->asked[1].claim.alone);
  EXPECT_EQ(told(store->asked[2]), (numbers{7, 8}));
  EXPECT_EQ(store->asked[2].outcomes[0].how, job_outcome::kind::returned);
}

TEST_F(claimer_fixture, nothing_is_claimed_beside_a_job_that_crashed_consumers) {
  auto d = job(1);
  d.crashes = suspect_from;
  shared->in_hand.emplace(d.tag, std::make_shared<consumer_shared::entry>(d));
  ended(in_hand(2));
  store->answers.push_back([this](const exchanged& e) -> result<exchange_result> {
    if (runner->isolated) return last()(e);
    runner->isolated = true;  // it takes nobody with it
    std::lock_guard lock(shared->mutex);
    ended(in_hand(3));
    return exchange_result{};
  });
  store->answers.push_back([this](const exchanged&) -> result<exchange_result> {
    std::lock_guard lock(shared->mutex);
    for (auto& [tag, e] : shared->in_hand) ended(e);
    shared->stopping = true;
    return exchange_result{};
  });
  claimer(shared).run();
  EXPECT_EQ(store->asked[0].claim.max, 0U);
  EXPECT_GT(store->asked[1].claim.max, 0U);
}

namespace {
fake_consumer_store::answer nothing_in(std::vector<std::string> served,
                                       std::vector<std::string> held_back = {}) {
  exchange_result r;
  r.served = std::move(served);
  r.held_back = std::move(held_back);
  return [r](const exchanged&) { return r; };
}
}  // namespace

TEST_F(claimer_fixture, only_queues_whose_jobs_may_be_claimed_wake_it) {
  store->answers = {nothing_in({"a", "b", "c"}, {"b"}), nothing_in({"a", "b", "c"}, {"b"})};
  store->waiter.on_wait = [this] { set(&consumer_shared::stopping); };
  claimer(shared).run();
  EXPECT_EQ(store->waiter.watched, (std::vector<std::vector<std::string>>{{"a", "c"}}));
  EXPECT_EQ(store->asked.size(), 2U) << "a job may have come before it watched";
}

TEST_F(claimer_fixture, who_has_begun_to_watch_looks_for_new_queues_and_watches_them_too) {
  store->answers = {nothing_in({"a"}), nothing_in({"a", "new"}), nothing_in({"a", "new"}),
                    nothing_in({"a", "new"})};
  int waits = 0;
  store->waiter.on_wait = [&] {
    if (++waits == 2) set(&consumer_shared::stopping);
  };
  claimer(shared).run();
  EXPECT_EQ(store->waiter.watched,
            (std::vector<std::vector<std::string>>{{"a"}, {"a", "new"}, {"a", "new"}}));
  ASSERT_EQ(store->asked.size(), 5U);
  std::vector<bool> looked;
  for (auto& e : store->asked) looked.push_back(e.claim.new_queues);
  EXPECT_EQ(looked, (std::vector<bool>{false, true, true, false, true}))
      << "not when it is woken: a job is there";
}

TEST_F(claimer_fixture, who_quits_says_once_that_nothing_is_in_hand) {
  set(&consumer_shared::quitting);
  ended(in_hand(1));
  store->answers.push_back(
      [](const exchanged& e) { return exchange_result{.accepted = e.outcomes.size()}; });
  store->waiter.on_wait = [this] { set(&consumer_shared::stopping); };
  claimer(shared).run();
  EXPECT_EQ(drained, 1);
  EXPECT_EQ(count("unregister_worker"), 1);
  EXPECT_EQ(store->asked[0].claim.max, 0U);
}

}  // namespace sm::test
