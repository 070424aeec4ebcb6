#include "process/notify_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <vector>

#include "temporary_folder.hpp"

namespace sm {
using namespace std::chrono_literals;
namespace {

bool send_to(const std::string& path, const std::string& text, int passed = -1) {
  unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = sizeof address;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))]{};
  if (passed >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(c), &passed, sizeof passed);
  }
  return ::sendmsg(fd.get(), &header, 0) == static_cast<ssize_t>(text.size());
}

/// As another user, in a process of its own.
int as_user(uid_t user, const std::function<bool()>& f) {
  auto child = ::fork();
  if (child == 0) ::_exit(::setuid(user) == 0 && f() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 ? s.st_mode & 0777 : 0;
}

constexpr uid_t nobody = 65534, other = 4711;

}  // namespace

TEST(notify_socket, a_notification_comes_with_its_sender_by_a_path_in_a_folder_of_our_own) {
  test::temporary_folder t;
  auto socket = notify_socket::open(t.path(), "web:0", {});
  ASSERT_TRUE(socket) << to_string(socket.error());
  EXPECT_EQ(socket->address(), t.path() / "notify" / "web:0");
  EXPECT_EQ(mode_of(t.path() / "notify"), 0700U);
  auto child = ::fork();
  if (child == 0) ::_exit(send_to(socket->address(), "READY=1\nSTATUS=fine=1\nodd\n") ? 0 : 1);
  ::waitpid(child, nullptr, 0);
  auto n = socket->receive();
  ASSERT_TRUE(n);
  EXPECT_EQ(n->sender, child);
  EXPECT_EQ(n->uid, ::getuid());
  EXPECT_EQ(notification_fields(n->text),
            (std::map<std::string, std::string>{{"READY", "1"}, {"STATUS", "fine=1"}}));
  EXPECT_FALSE(socket->receive());
}

TEST(notify_socket, a_program_of_another_user_reaches_it_and_nobody_else_does) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  test::temporary_folder t;
  std::string path;
  std::vector<notify_socket> left_behind;  // as after kill -9
  for (int run = 0; run < 2; ++run) {      // the second finds what the first left
    auto socket = notify_socket::open(t.path(), "web:0", nobody);
    ASSERT_TRUE(socket) << to_string(socket.error());
    path = socket->address();
    EXPECT_EQ(mode_of(std::filesystem::path(path).parent_path()), 0700U);
    EXPECT_EQ(as_user(nobody, [&] { return send_to(path, "READY=1"); }), 0);
    EXPECT_NE(as_user(other, [&] { return send_to(path, "READY=1"); }), 0);
    auto n = socket->receive();
    ASSERT_TRUE(n);
    EXPECT_EQ(n->uid, nobody);
    if (run == 0) left_behind.push_back(std::move(*socket));
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "it goes with its owner";
  std::filesystem::remove(std::filesystem::path(path).parent_path().parent_path());
}

TEST(notify_socket, a_path_too_long_for_a_socket_is_replaced_by_a_short_one) {
  test::temporary_folder t;
  auto deep = t.path() / std::string(90, 'x');
  std::filesystem::create_directory(deep);
  auto socket = notify_socket::open(deep, "web:0", {});
  ASSERT_TRUE(socket) << to_string(socket.error());
  EXPECT_LE(socket->address().size(), 107U);
  EXPECT_TRUE(send_to(socket->address(), "READY=1"));
  EXPECT_TRUE(socket->receive());
}

TEST(notify_socket, a_folder_that_somebody_else_prepared_is_refused) {
  test::temporary_folder t, elsewhere;
  std::filesystem::create_directory_symlink(elsewhere.path(), t.path() / "notify");
  EXPECT_FALSE(notify_socket::open(t.path(), "web:0", {}));
  EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

TEST(notify_socket, descriptors_that_come_along_are_closed_at_once) {
  test::temporary_folder t;
  auto socket = notify_socket::open(t.path(), "web:0", {});
  ASSERT_TRUE(socket);
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  unique_fd ours(ends[0]);
  ASSERT_TRUE(send_to(socket->address(), "BARRIER=1", ends[1]));
  ::close(ends[1]);
  auto n = socket->receive();
  ASSERT_TRUE(n);
  EXPECT_EQ(n->sender, ::getpid()) << "the credentials are there nevertheless";
  pollfd watched{ours.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 1);
  EXPECT_EQ(watched.revents, POLLHUP);
}

TEST(notify_socket, what_is_longer_than_a_notification_is_marked) {
  test::temporary_folder t;
  auto socket = notify_socket::open(t.path(), "web:0", {});
  ASSERT_TRUE(socket);
  ASSERT_TRUE(send_to(socket->address(), std::string(4097, 'x')));
  ASSERT_TRUE(send_to(socket->address(), std::string(4096, 'x')));
  EXPECT_FALSE(socket->receive()->whole);
  EXPECT_TRUE(socket->receive()->whole);
}

TEST(notification, microseconds_are_read_strictly) {
  EXPECT_EQ(notification_usec("1500000"), 1500ms);
  EXPECT_EQ(notification_usec("1"), 1ms);
  EXPECT_EQ(notification_usec("0"), 0ms);
  for (auto* bad :
       {"", "-1", "+1", "1s", " 1", "1e3", "18446744073709551616", "9223372036854775807"})
    EXPECT_FALSE(notification_usec(bad)) << bad;
}

}  // namespace sm
