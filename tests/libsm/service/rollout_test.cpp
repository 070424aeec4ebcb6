#include "service/rollout.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

const slot_view old_one{.ready = true};
const slot_view new_one{.fresh = true, .ready = true};
const slot_view starting_one{.fresh = true};
const slot_view broken{.fresh = true, .failed = true, .why = "exit code 1"};
using indexes = std::vector<unsigned>;

}  // namespace

TEST(rollout, a_stand_in_starts_before_one_after_the_other_is_replaced) {
  rollout r({.instances = 2, .batch = 1, .start_first = true, .outdated = {0, 1}});
  EXPECT_EQ(r.next({old_one, old_one}).start_extra, indexes{2});
  auto waits = r.next({old_one, old_one, starting_one});
  EXPECT_TRUE(waits.replace.empty() && !waits.over);
  EXPECT_EQ(r.next({old_one, old_one, new_one}).replace, indexes{0});
  EXPECT_TRUE(r.next({old_one, old_one, new_one}).replace.empty()) << "it has not stopped yet";
  EXPECT_TRUE(r.next({starting_one, old_one, new_one}).replace.empty());
  EXPECT_EQ(r.next({new_one, old_one, new_one}).replace, indexes{1});
  auto last = r.next({new_one, new_one, new_one});
  EXPECT_TRUE(last.over);
  EXPECT_EQ(last.rolled_back, "");
}

TEST(rollout, a_stand_in_that_does_not_become_ready_leaves_the_old_ones_alone) {
  rollout r({.instances = 4, .batch = 2, .start_first = true, .outdated = {0, 1, 2, 3}});
  EXPECT_EQ(r.next({old_one, old_one, old_one, old_one}).start_extra, (indexes{4, 5}));
  auto step = r.next({old_one, old_one, old_one, old_one, new_one, broken});
  EXPECT_TRUE(step.replace.empty());
  EXPECT_TRUE(step.over);
  EXPECT_EQ(step.rolled_back, "exit code 1");
}

TEST(rollout, without_stand_ins_a_batch_is_stopped_first) {
  rollout r({.instances = 3, .batch = 2, .start_first = false, .outdated = {0, 1, 2}});
  EXPECT_EQ(r.next({old_one, old_one, old_one}).replace, (indexes{0, 1}));
  EXPECT_TRUE(r.next({new_one, starting_one, old_one}).replace.empty());
  EXPECT_EQ(r.next({new_one, new_one, old_one}).replace, indexes{2});
  auto failed = r.next({new_one, new_one, broken});
  EXPECT_TRUE(failed.over);
  EXPECT_EQ(failed.rolled_back, "exit code 1");
}

TEST(rollout, only_the_outdated_are_replaced) {
  rollout r({.instances = 3, .start_first = false, .outdated = {2, 7}});
  EXPECT_EQ(r.next({old_one, old_one, old_one}).replace, indexes{2});
  EXPECT_TRUE(r.next({old_one, old_one, new_one}).over);
  rollout none({.instances = 3, .outdated = {}});
  EXPECT_TRUE(none.next({old_one, old_one, old_one}).over);
}

}  // namespace sm
