#include "process/instance_lock.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "temporary_folder.hpp"

namespace sm {

using namespace std::chrono_literals;

TEST(instance_lock, is_held_by_one_and_the_other_hears_of_it) {
  test::temporary_folder t;
  auto first = take_instance_lock(t.path(), "web:0", 0ms);
  ASSERT_TRUE(first);
  auto second = take_instance_lock(t.path(), "web:0", 10ms);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  EXPECT_NE(second.error().detail.find("another process of web:0 runs"), std::string::npos);
  EXPECT_TRUE(take_instance_lock(t.path(), "web:1", 0ms));
  first->reset();
  EXPECT_TRUE(take_instance_lock(t.path(), "web:0", 0ms));
}

TEST(instance_lock, a_folder_that_was_removed_is_made_again_and_one_that_cannot_be_is_named) {
  test::temporary_folder t;
  EXPECT_TRUE(take_instance_lock(t.path() / "lock.d", "web:0", 0ms));
  auto missing = take_instance_lock(t.path() / "none" / "lock.d", "web:0", 0ms);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, errc::unavailable);
  EXPECT_NE(missing.error().where.find("none/lock.d/web:0"), std::string::npos);
}

TEST(instance_lock, goes_with_its_service_but_not_while_somebody_holds_it) {
  test::temporary_folder t;
  auto held = take_instance_lock(t.path(), "web:0", 0ms);
  EXPECT_FALSE(remove_instance_lock(t.path(), "web:0"));
  EXPECT_TRUE(std::filesystem::exists(t.path() / "web:0"));
  held->reset();
  EXPECT_TRUE(remove_instance_lock(t.path(), "web:0"));
  EXPECT_FALSE(std::filesystem::exists(t.path() / "web:0"));
  EXPECT_TRUE(remove_instance_lock(t.path(), "web:0")) << "there is none to remove";
}

TEST(instance_lock, one_that_was_removed_by_hand_keeps_nobody_waiting_for_its_ghost) {
  test::temporary_folder t;
  auto first = take_instance_lock(t.path(), "web:0", 0ms);
  std::filesystem::remove(t.path() / "web:0");
  auto second = take_instance_lock(t.path(), "web:0", 0ms);
  ASSERT_TRUE(second);
  first->reset();
  EXPECT_FALSE(take_instance_lock(t.path(), "web:0", 0ms)) << "the second one holds it still";
}

}  // namespace sm
