#include "process/fork_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <fstream>

#include "process/child_reaper.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

/// A fork server in a process of its own; each child writes its session to the link and exits
/// with 7.
class fork_server_fixture : public ::testing::Test {
 protected:
  void SetUp() override {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    auto channel = make_fork_channel();
    ASSERT_TRUE(channel);
    server_pid_ = ::fork();
    ASSERT_GE(server_pid_, 0);
    if (server_pid_ == 0) {
      channel->first.reset();
      serve_forks(std::move(channel->second), [](const fork_request&, unique_fd link) {
        pid_t identity[2] = {::getpid(), ::getsid(0)};
        std::puts("hello from the child");
        std::fflush(stdout);
        ::_exit(::write(link.get(), identity, sizeof identity) == sizeof identity ? 7 : 1);
      });
      ::_exit(0);
    }
    channel_ = std::move(channel->first);
  }
  void TearDown() override {
    channel_.reset();
    int status = 0;
    EXPECT_EQ(::waitpid(server_pid_, &status, 0), server_pid_);
    EXPECT_EQ(status, 0) << "the fork server ends by itself when its manager is gone";
  }

  result<fork_reply> reply() {
    pollfd watched{channel_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&watched, 1, 10'000), 1);
    return receive_fork_reply(channel_.get());
  }

  test::temporary_folder folder_;
  pid_t server_pid_ = -1;
  unique_fd channel_;
};

}  // namespace

TEST_F(fork_server_fixture, a_new_process_is_the_managers_child_in_a_session_of_its_own) {
  auto pair = make_link_pair();
  ASSERT_TRUE(pair);
  auto output = (folder_.path() / "out").string();
  ASSERT_TRUE(send_fork_request(channel_.get(), {42, "a title", output}, pair->second.get()));
  auto answer = reply();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, 42U);
  ASSERT_GT(answer->pid, 0);
  pid_t identity[2] = {};
  ASSERT_EQ(::read(pair->first.get(), identity, sizeof identity),
            static_cast<ssize_t>(sizeof identity));
  EXPECT_EQ(identity[0], answer->pid);
  EXPECT_EQ(identity[1], answer->pid);
  int status = 0;
  ASSERT_EQ(::waitpid(answer->pid, &status, 0), answer->pid);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  std::string line;
  std::getline(std::ifstream(output), line);
  EXPECT_EQ(line, "hello from the child");
}

TEST_F(fork_server_fixture, the_link_is_closed_when_the_process_ends) {
  auto pair = make_link_pair();
  ASSERT_TRUE(send_fork_request(channel_.get(), {1, "t", "/dev/null"}, pair->second.get()));
  pair->second.reset();
  auto answer = reply();
  ASSERT_TRUE(answer);
  char buffer[64];
  while (::read(pair->first.get(), buffer, sizeof buffer) > 0) {
  }
  int status = 0;
  EXPECT_EQ(::waitpid(answer->pid, &status, 0), answer->pid);
}

TEST(child_reaper, a_process_is_named_by_its_pid_and_start_time) {
  EXPECT_GT(process_start_time(::getpid()), 0U);
  EXPECT_EQ(process_start_time(::getpid()), process_start_time(::getpid()));
  EXPECT_EQ(process_start_time(0x7fffffff), 0U);
}

TEST(child_reaper, ended_children_are_reported_once_with_how_they_ended) {
  auto exits = ::fork();
  if (exits == 0) ::_exit(3);
  auto killed = ::fork();
  if (killed == 0) {
    for (;;) ::pause();
  }
  ::kill(killed, SIGKILL);
  std::map<pid_t, std::string> seen;
  while (seen.size() < 2) {
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
    reap_children([&](pid_t pid, const exit_status& status) {
      EXPECT_TRUE(seen.emplace(pid, to_string(status)).second);
    });
  }
  EXPECT_EQ(seen[exits], "exit code 3");
  EXPECT_EQ(seen[killed], "SIGKILL");
}

}  // namespace sm
