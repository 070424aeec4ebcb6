#include "process/listen_address.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <fstream>

#include "temporary_folder.hpp"

namespace sm {
namespace {

sockaddr_storage own_address(const unique_fd& fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return address;
}

}  // namespace

TEST(listen_address, numeric_addresses_and_absolute_paths_are_taken_and_nothing_else) {
  for (auto* good : {"127.0.0.1:8080", "0.0.0.0:1", "[::1]:8080", "[::]:65535", "/run/web.sock"})
    EXPECT_TRUE(check_listen_address(good)) << good;
  for (auto* bad : {"", "8080", "localhost:8080", "127.0.0.1:0", "127.0.0.1:65536", "::1:x",
                    "run/web.sock", "[::1]"})
    EXPECT_FALSE(check_listen_address(bad)) << bad;
  EXPECT_TRUE(check_listen_address("/" + std::string(106, 'x')));
  EXPECT_FALSE(check_listen_address("/" + std::string(107, 'x')));
}

TEST(listen_address, an_ipv6_socket_leaves_ipv4_alone) {
  auto first = listen_at("[::]:19171", 0600);
  if (!first) GTEST_SKIP() << first.error().detail;
  EXPECT_EQ(own_address(*first).ss_family, AF_INET6);
  auto second = listen_at("0.0.0.0:19171", 0600);
  ASSERT_TRUE(second) << second.error().detail;
}

TEST(listen_address, a_unix_socket_has_its_mode_and_replaces_only_what_nobody_listens_on) {
  test::temporary_folder t;
  auto path = (t.path() / "s").string();
  struct stat s {};
  {
    auto first = listen_at(path, 0660);
    ASSERT_TRUE(first) << first.error().detail;
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    EXPECT_TRUE(S_ISSOCK(s.st_mode));
    EXPECT_EQ(s.st_mode & 0777, 0660U);
    auto second = listen_at(path, 0600);
    ASSERT_FALSE(second) << "somebody listens";
    EXPECT_NE(second.error().detail.find("in use"), std::string::npos) << second.error().detail;
  }
  auto third = listen_at(path, 0600);  // its owner is gone, the file is not
  ASSERT_TRUE(third) << third.error().detail;
  ASSERT_EQ(::stat(path.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600U);
  remove_socket_file(path, third->get());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(listen_address, what_is_no_socket_is_left_alone) {
  test::temporary_folder t;
  auto path = (t.path() / "s").string();
  std::ofstream(path) << "precious";
  auto refused = listen_at(path, 0600);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().where, path);
  EXPECT_EQ(std::filesystem::file_size(path), 8U);
}

TEST(listen_address, the_file_of_another_socket_is_not_removed) {
  test::temporary_folder t;
  auto path = (t.path() / "s").string();
  auto first = listen_at(path, 0600);
  ASSERT_TRUE(first);
  std::filesystem::remove(path);
  auto second = listen_at(path, 0600);
  ASSERT_TRUE(second);
  remove_socket_file(path, first->get());
  EXPECT_TRUE(std::filesystem::exists(path));
}

}  // namespace sm
