#include "service/group_strategy.hpp"

#include <gtest/gtest.h>

namespace sm {
using namespace std::chrono_literals;
namespace {

const std::vector<std::string> members{"a", "b", "c", "d"};

/// b starts after a, c after b; d by itself.
std::vector<std::string> successors(const std::string& name) {
  if (name == "a") return {"b"};
  if (name == "b") return {"c", "elsewhere"};
  return {};
}

std::vector<std::string> affected(group_strategy s, const std::string& failed) {
  return affected_members(s, failed, members, successors);
}
using list = std::vector<std::string>;

}  // namespace

TEST(group_strategy, one_for_one_is_nobody_elses_business) {
  EXPECT_EQ(affected(group_strategy::one_for_one, "a"), list{});
}

TEST(group_strategy, one_for_all_takes_the_whole_group_along) {
  EXPECT_EQ(affected(group_strategy::one_for_all, "c"), (list{"a", "b", "d"}));
}

TEST(group_strategy, rest_for_one_takes_those_along_that_start_after_it) {
  EXPECT_EQ(affected(group_strategy::rest_for_one, "a"), (list{"b", "c"}));
  EXPECT_EQ(affected(group_strategy::rest_for_one, "c"), list{});
  EXPECT_EQ(affected(group_strategy::rest_for_one, "d"), list{});
}

TEST(group_strategy, more_restarts_than_allowed_within_the_window_fail_the_group) {
  std::deque<time_point> history;
  const intensity_policy policy{.restarts = 2, .window = 10s};
  const time_point start{1000s};
  EXPECT_FALSE(exceeds_intensity(history, policy, start));
  EXPECT_FALSE(exceeds_intensity(history, policy, start + 1s));
  EXPECT_TRUE(exceeds_intensity(history, policy, start + 2s));
  EXPECT_FALSE(exceeds_intensity(history, policy, start + 30s));
}

}  // namespace sm
