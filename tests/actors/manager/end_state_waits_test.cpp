#include "manager/end_state_waits.hpp"

#include "turning.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

const service_progress is_ready{.ready = true, .instances = 1, .wanted = 1};
const service_progress not_ready{.ready = false, .instances = 1, .wanted = 1};

class waits_fixture : public ::testing::Test {
 protected:
  void check(const std::string& service, const service_progress& p,
             const std::string& failure = {}) {
    waits.check(
        service, p, [&] { return json(service + " as it is"); }, failure);
  }

  loop events;
  end_state_waits waits{events};
  promise<json> answer;
};

}  // namespace

TEST_F(waits_fixture, who_waits_is_answered_when_the_goal_is_reached_and_not_before) {
  waits.add("web", goal::ready, 10s, answer);
  check("web", not_ready);
  check("other", is_ready);
  bool answered = false;
  auto shown = answer.transform([&](json document) {
    answered = true;
    return document;
  });
  check("web", is_ready);
  EXPECT_FALSE(answered) << "in the middle of who checks";
  EXPECT_EQ(test::outcome_of(events, shown).value(), "web as it is");
}

TEST_F(waits_fixture, a_deadline_ends_it) {
  waits.add("web", goal::ready, 1ms, answer);
  auto outcome = test::outcome_of(events, answer);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), (error{errc::timeout, "not there within 1ms", "web"}));
  check("web", is_ready);  // nobody waits any more
}

TEST_F(waits_fixture, a_rollout_that_was_rolled_back_is_a_conflict) {
  waits.add("web", goal::as_specified, 10s, answer);
  auto rolled_back = is_ready;
  rolled_back.rolled_back = true;
  check("web", rolled_back, "rolled back: exit 1");
  auto outcome = test::outcome_of(events, answer);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), (error{errc::conflict, "rolled back: exit 1", "web"}));
}

TEST_F(waits_fixture, who_is_answered_may_wait_again_at_once) {
  promise<json> second;
  waits.add("web", goal::ready, 10s, answer);
  answer.then([&](const result<json>&) {
    waits.add("web", goal::ready, 10s, second);
    check("web", is_ready);
  });
  check("web", is_ready);
  EXPECT_TRUE(test::outcome_of(events, second));
}

}  // namespace sm
