#include "store/state_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "temporary_folder.hpp"

namespace sm {

TEST(state_folder, a_second_manager_is_refused_with_the_pid_of_the_first) {
  test::temporary_folder t;
  auto first = state_folder::open(t.path() / "state");
  ASSERT_TRUE(first);
  auto second = state_folder::open(t.path() / "state");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  EXPECT_NE(second.error().detail.find(std::to_string(::getpid())), std::string::npos);
}

TEST(state_folder, the_lock_goes_with_its_holder) {
  test::temporary_folder t;
  { ASSERT_TRUE(state_folder::open(t.path())); }
  EXPECT_TRUE(state_folder::open(t.path()));
}

TEST(state_folder, the_token_is_made_once_and_is_the_owners_alone) {
  test::temporary_folder t;
  auto folder = state_folder::open(t.path());
  auto token = folder->token();
  ASSERT_TRUE(token);
  EXPECT_EQ(token->size(), 64U);
  EXPECT_EQ(*folder->token(), *token);
  struct stat info {};
  ASSERT_EQ(::stat((t.path() / "token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST(state_folder, a_folder_that_cannot_be_made_is_named) {
  auto folder = state_folder::open("/proc/no/such/folder");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().where, "/proc/no/such/folder");
}

}  // namespace sm
