#include "service/desired_state.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {
service_spec spec_of(std::string name, unsigned instances = 1) {
  return {.name = std::move(name), .type = "t", .instances = instances};
}
}  // namespace

TEST(desired_state, run_time_changes_hold_while_the_declaration_stays) {
  auto declared = spec_of("a");
  desired_service changed{spec_of("a", 4), std::make_shared<const service_spec>(declared), false,
                          false};
  auto merged = merge_declared({changed}, {{declared}});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0], changed);
}

TEST(desired_state, a_changed_declaration_wins_but_what_was_stopped_stays_stopped) {
  desired_service changed{spec_of("a", 4), std::make_shared<const service_spec>(spec_of("a")),
                          false, true};
  auto merged = merge_declared({changed}, {{spec_of("a", 2)}});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].spec.instances, 2U);
  EXPECT_FALSE(merged[0].enabled);
  EXPECT_FALSE(merged[0].removed);
}

TEST(desired_state, added_services_stay_and_undeclared_ones_go) {
  desired_service added{spec_of("added")},
      former{spec_of("former"), std::make_shared<const service_spec>(spec_of("former"))};
  auto merged = merge_declared({added, former}, {{spec_of("a")}});
  ASSERT_EQ(merged.size(), 2U);
  EXPECT_EQ(merged[0].spec.name, "a");
  EXPECT_EQ(merged[1], added);
}

TEST(desired_state, a_declaration_takes_the_place_of_an_added_service_of_its_name) {
  auto merged = merge_declared({desired_service{spec_of("a", 7)}}, {{spec_of("a")}});
  ASSERT_EQ(merged.size(), 1U);
  EXPECT_EQ(merged[0].spec.instances, 1U);
}

}  // namespace sm
