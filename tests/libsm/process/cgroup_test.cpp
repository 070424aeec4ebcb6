#include "process/cgroup.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "process/pidfd.hpp"

namespace sm {

TEST(cgroup_root, without_control_groups_nothing_happens) {
  cgroup_root none;
  EXPECT_FALSE(none);
  none.join("a:0.1", {});
  none.end("a:0.1");
  EXPECT_TRUE(none.runs().empty());
  EXPECT_FALSE(none.limits_memory());
}

TEST(cgroup_root, whatever_a_run_started_ends_with_its_group) {
  std::string why;
  auto root = cgroup_root::make("sm-test-" + std::to_string(::getpid()), why);
  EXPECT_EQ(why.empty(), static_cast<bool>(root)) << "a fall-back says why";
  if (!root) GTEST_SKIP() << why;
  int told[2];
  ASSERT_EQ(::pipe(told), 0);
  auto leader = ::fork();
  if (leader == 0) {
    root.join("a:0.1", {});
    // A daemon: it leaves session, group and parent.
    if (::fork() == 0) {
      ::setsid();
      if (::fork() != 0) ::_exit(0);
      auto self = ::getpid();
      [[maybe_unused]] auto n = ::write(told[1], &self, sizeof self);
      for (;;) ::pause();
    }
    ::_exit(0);
  }
  ::waitpid(leader, nullptr, 0);
  pid_t daemon = 0;
  ASSERT_EQ(::read(told[0], &daemon, sizeof daemon), static_cast<ssize_t>(sizeof daemon));
  EXPECT_EQ(root.runs(), std::vector<std::string>{"a:0.1"});
  auto process = open_pidfd(daemon);
  root.end("a:0.1");
  pollfd watched{process.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&watched, 1, 5000), 1);
  EXPECT_TRUE(root.runs().empty());
  root.remove();
}

}  // namespace sm
