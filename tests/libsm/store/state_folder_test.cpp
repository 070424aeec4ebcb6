#include "store/state_folder.hpp"

#include <fmt/format.h>
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

namespace {
unsigned mode_of(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return info.st_mode & 07777;
}
}  // namespace

TEST(state_folder, is_made_for_its_owner_alone_whatever_the_umask) {
  test::temporary_folder t;
  for (mode_t mask : {0000, 0022, 0777}) {
    auto path = t.path() / std::to_string(mask) / "state";
    std::filesystem::create_directories(path.parent_path());
    auto before = ::umask(mask);
    auto folder = state_folder::open(path);
    ::umask(before);
    if (mask == 0777 && ::geteuid() != 0) continue;  // not even its owner may make a file in it
    ASSERT_TRUE(folder) << to_string(folder.error());
    EXPECT_EQ(mode_of(path), 0700U);
  }
}

TEST(state_folder, one_that_others_may_enter_is_refused_with_its_owner_mode_and_what_mends_it) {
  test::temporary_folder t;
  for (mode_t mode : {0755, 0701, 0710, 0770, 0777}) {
    auto path = t.path() / std::to_string(mode);
    std::filesystem::create_directory(path);
    ::chmod(path.c_str(), mode);
    auto folder = state_folder::open(path);
    ASSERT_FALSE(folder) << std::oct << mode;
    EXPECT_EQ(folder.error().code, errc::forbidden);
    EXPECT_EQ(folder.error().where, path.string());
    auto& detail = folder.error().detail;
    EXPECT_NE(detail.find(fmt::format("mode {:04o}", mode)), std::string::npos) << detail;
    EXPECT_NE(detail.find("chmod 700 '" + path.string() + "'"), std::string::npos) << detail;
    EXPECT_EQ(mode_of(path), mode) << "what somebody made is left as it is";
    EXPECT_TRUE(std::filesystem::is_empty(path));
    // What the words say does mend it.
    ::chmod(path.c_str(), 0700);
    EXPECT_TRUE(state_folder::open(path));
  }
}

TEST(state_folder, one_of_another_user_and_a_link_of_another_user_are_refused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  test::temporary_folder t;
  constexpr uid_t other = 65534;
  auto theirs = t.path() / "theirs", ours = t.path() / "ours", link = t.path() / "link";
  std::filesystem::create_directory(theirs);
  ::chmod(theirs.c_str(), 0700);
  ASSERT_EQ(::chown(theirs.c_str(), other, other), 0);
  auto refused = state_folder::open(theirs);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::forbidden);
  EXPECT_NE(refused.error().detail.find("chown -R root"), std::string::npos)
      << refused.error().detail;
  ASSERT_TRUE(state_folder::open(ours));
  std::filesystem::create_symlink(ours, link);
  EXPECT_TRUE(state_folder::open(link));
  ASSERT_EQ(::lchown(link.c_str(), other, other), 0);
  for (auto& way : {link.string(), link.string() + "/"}) {
    auto led = state_folder::open(way);
    ASSERT_FALSE(led) << way;
    EXPECT_EQ(led.error().code, errc::forbidden);
    EXPECT_NE(led.error().detail.find("symbolic link"), std::string::npos);
  }
}

TEST(state_folder, its_default_place_is_never_everybodys) {
  auto place = [](const state_surroundings& around) {
    auto path = default_state_path("p", around);
    return path ? path->string() : to_string(path.error());
  };
  EXPECT_EQ(place({.state_directory = "/var/lib/app:/var/lib/b", .home = "/h", .root = true}),
            "/var/lib/app/p");
  EXPECT_EQ(place({.xdg_state_home = "/x", .home = "/root", .root = true}), "/var/lib/sm/p");
  EXPECT_EQ(place({.xdg_state_home = "/x", .home = "/h"}), "/x/sm/p");
  EXPECT_EQ(place({.xdg_state_home = "x", .home = "/h"}), "/h/.local/state/sm/p");
  EXPECT_EQ(place({.home = "h", .passwd_home = "/p"}), "/p/.local/state/sm/p");
  auto none = default_state_path("p", {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::bad_arguments);
  EXPECT_EQ(none.error().where, "--state");
}

}  // namespace sm
