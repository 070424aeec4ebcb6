#include "process/fork_server.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>
#include <fstream>

#include "hostile_documents.hpp"
#include "process/pidfd.hpp"
#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"
#include "process/rendezvous.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

bool ends(pid_t pid) {
  auto process = open_pidfd(pid);
  if (!process) return true;
  pollfd watched{process.get(), POLLIN, 0};
  return ::poll(&watched, 1, 10'000) == 1;
}

/// A fork server in a process of its own. What a child does is named by its instance: "quick" tells
/// its session on the link and exits with 7, "daemon" leaves a process in a session of its own
/// behind, whose pid it tells, "slow" lives until it is killed.
class fork_server_fixture : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_.path() / "log");
    std::filesystem::create_directories(folder_.path() / "lock.d");
    auto channel = make_fork_channel();
    ASSERT_TRUE(channel);
    server_pid_ = ::fork();
    ASSERT_GE(server_pid_, 0);
    if (server_pid_ == 0) {
      channel->first.reset();
      serve_forks({channel->second.release(), folder_.path().string(), 10'000}, run_child);
      ::_exit(0);
    }
    channel_ = std::move(channel->first);
  }
  void TearDown() override {
    channel_.reset();
    if (server_pid_ <= 0) return;
    EXPECT_TRUE(ends(server_pid_)) << "the fork server ends with its last child";
    int status = 0;
    EXPECT_EQ(::waitpid(server_pid_, &status, 0), server_pid_);
    EXPECT_EQ(status, 0);
  }

  static void run_child(fresh_process fresh) {
    pid_t facts[2] = {::getpid(), ::getsid(0)};
    if (!fresh.not_locked.empty()) ::_exit(9);
    if (fresh.identity.instance == "daemon:0") {
      int ready[2];
      if (::pipe(ready) != 0) ::_exit(1);
      if (::fork() == 0) {
        ::setsid();
        if (::fork() != 0) ::_exit(0);
        facts[0] = ::getpid();
        (void)!::write(ready[1], facts, sizeof facts);
        for (;;) ::pause();
      }
      if (::read(ready[0], facts, sizeof facts) != sizeof facts) ::_exit(1);
    }
    std::puts("hello from the child");
    std::fflush(stdout);
    if (::write(fresh.link.get(), facts, sizeof facts) != sizeof facts) ::_exit(1);
    if (fresh.identity.instance == "slow:0")
      for (;;) ::pause();
    ::_exit(7);
  }

  /// Starts one and returns its pid; `facts` gets what it told.
  pid_t start(const std::string& instance, pid_t (&facts)[2]) {
    auto pair = make_link_pair();
    EXPECT_TRUE(send_fork_request(channel_.get(), {instance, 42, "token"}, pair->second.get()));
    pair->second.reset();
    auto reply = next<fork_reply>();
    EXPECT_EQ(reply.incarnation, 42U);
    EXPECT_EQ(::read(pair->first.get(), facts, sizeof facts), static_cast<ssize_t>(sizeof facts));
    return reply.pid;
  }

  /// The fork server's next message, which is one of this kind.
  template <class Message>
  Message next() {
    pollfd watched{channel_.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&watched, 1, 10'000), 1);
    auto message = receive_fork_message(channel_.get());
    EXPECT_TRUE(message);
    EXPECT_TRUE(std::holds_alternative<Message>(*message));
    return std::get<Message>(*message);
  }

  /// The next process; what was said to be gone before it is in `gone_`.
  fork_reply next_started() {
    gone_.clear();
    for (;;) {
      pollfd watched{channel_.get(), POLLIN, 0};
      EXPECT_EQ(::poll(&watched, 1, 10'000), 1);
      auto message = receive_fork_message(channel_.get());
      if (!message) return {};
      if (auto* forgotten = std::get_if<forget_reply>(&*message)) gone_ = forgotten->gone;
      auto* reply = std::get_if<fork_reply>(&*message);
      if (reply && !reply->delayed) return *reply;
    }
  }

  /// Waits at the link socket for the fork server; its new channel, and what it said.
  json next_manager() {
    auto path = (folder_.path() / "link.sock").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    unique_fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener.get(), 8), 0);
    unique_fd caller(::accept(listener.get(), nullptr, nullptr));
    EXPECT_EQ(peer_of(caller.get())->pid, server_pid_);
    pollfd watched{caller.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&watched, 1, 10'000), 1);
    auto greeting = receive_greeting(caller.get());
    EXPECT_TRUE(greeting);
    channel_ = std::move(greeting->passed.at(0));
    EXPECT_TRUE(answer_greeting(caller.get(), ""));
    return greeting->document;
  }

  test::temporary_folder folder_;
  pid_t server_pid_ = -1;
  unique_fd channel_;
  std::vector<pid_t> gone_;
};

}  // namespace

TEST_F(fork_server_fixture, a_new_process_has_a_session_an_output_file_and_its_lock) {
  pid_t facts[2];
  auto pid = start("quick:0", facts);
  EXPECT_EQ(facts[0], pid);
  EXPECT_EQ(facts[1], pid);
  std::string line;
  std::getline(std::ifstream(folder_.path() / "log" / "quick:0.out"), line);
  EXPECT_EQ(line, "hello from the child");
  ASSERT_TRUE(send_forget(channel_.get(), {pid}));
}

TEST_F(fork_server_fixture, an_ended_process_keeps_its_pid_and_status_until_it_is_forgotten) {
  pid_t facts[2];
  auto pid = start("quick:0", facts);
  ASSERT_TRUE(ends(pid));
  EXPECT_EQ(to_string(read_exit_status(pid)), "exit code 7");
  ASSERT_TRUE(send_forget(channel_.get(), {pid}));
  while (process_start_time(pid) != 0) ::poll(nullptr, 0, 1);
  EXPECT_EQ(to_string(read_exit_status(pid)), "vanished");
}

TEST_F(fork_server_fixture, a_daemon_that_an_ended_process_left_behind_is_killed) {
  pid_t facts[2];
  auto pid = start("daemon:0", facts);
  ASSERT_NE(facts[0], pid);
  ASSERT_TRUE(ends(pid));
  EXPECT_TRUE(ends(facts[0]));
  ASSERT_TRUE(send_forget(channel_.get(), {pid}));
}

TEST_F(fork_server_fixture, nothing_starts_before_all_of_the_last_run_is_gone) {
  for (int round = 0; round < 5; ++round) {
    pid_t facts[2];
    auto pid = start("daemon:0", facts);
    auto daemon = facts[0];
    ASSERT_TRUE(ends(pid));
    auto pair = make_link_pair();
    // The next run is asked for at once, in one go with the end of the last one.
    ASSERT_TRUE(send_forget(channel_.get(), {pid, 1}));
    ASSERT_TRUE(send_fork_request(channel_.get(), {"daemon:0", 43, "token"}, pair->second.get()));
    EXPECT_EQ(next<forget_reply>().unknown, (std::vector<pid_t>{1}));
    auto again = next_started();
    ASSERT_EQ(gone_, (std::vector<pid_t>{pid})) << "said before the next one is there";
    EXPECT_EQ(process_start_time(daemon), 0U) << "ended, and collected";
    EXPECT_EQ(again.incarnation, 43U);
    ASSERT_GT(again.pid, 0);
    ASSERT_TRUE(ends(again.pid));
    ASSERT_TRUE(send_forget(channel_.get(), {again.pid}));
    EXPECT_EQ(next<forget_reply>().gone, (std::vector<pid_t>{again.pid}));
  }
}

TEST_F(fork_server_fixture, what_one_instance_leaves_behind_keeps_no_other_from_starting) {
  pid_t facts[2];
  auto pid = start("daemon:0", facts);
  ASSERT_TRUE(ends(pid));
  auto pair = make_link_pair();
  ASSERT_TRUE(send_forget(channel_.get(), {pid}));
  ASSERT_TRUE(send_fork_request(channel_.get(), {"quick:0", 43, "token"}, pair->second.get()));
  auto other = next_started();
  EXPECT_GT(other.pid, 0);
  if (gone_.empty()) gone_ = next<forget_reply>().gone;
  EXPECT_EQ(gone_, (std::vector<pid_t>{pid}));
  ASSERT_TRUE(send_forget(channel_.get(), {other.pid}));
}

TEST_F(fork_server_fixture, a_second_process_of_an_instance_does_not_get_its_lock) {
  pid_t facts[2];
  auto first = start("slow:0", facts);
  auto pair = make_link_pair();
  ASSERT_TRUE(send_fork_request(channel_.get(), {"slow:0", 43, "token"}, pair->second.get()));
  auto second = next<fork_reply>().pid;
  ASSERT_TRUE(ends(second));
  EXPECT_EQ(to_string(read_exit_status(second)), "exit code 9");
  ASSERT_TRUE(send_forget(channel_.get(), {first, second}));
  EXPECT_TRUE(ends(first)) << "forgetting a live one ends it";
}

TEST_F(fork_server_fixture, the_fork_server_outlives_its_manager_and_comes_to_the_next_one) {
  pid_t facts[2];
  auto slow = start("slow:0", facts);
  auto quick = start("quick:0", facts);
  channel_.reset();
  auto said = next_manager();
  EXPECT_EQ(said["role"], "forks");
  EXPECT_EQ(said["children"], (json::array({std::min(slow, quick), std::max(slow, quick)})));
  ASSERT_TRUE(ends(quick));
  EXPECT_EQ(to_string(read_exit_status(quick)), "exit code 7") << "kept for the next manager";
  ASSERT_TRUE(send_forget(channel_.get(), {slow, quick}));
  ASSERT_TRUE(ends(slow));
}

TEST(proc_stat, a_process_is_named_by_its_pid_and_start_time) {
  EXPECT_GT(process_start_time(::getpid()), 0U);
  EXPECT_EQ(process_start_time(::getpid()), process_start_time(::getpid()));
  EXPECT_EQ(process_start_time(0x7fffffff), 0U);
  auto self = read_proc_stat(::getpid());
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_EQ(self->session, ::getsid(0));
  EXPECT_GT(self->memory_bytes, 1U << 16);
}

TEST(proc_stat, a_zombie_shows_how_it_ended) {
  auto killed = ::fork();
  if (killed == 0)
    for (;;) ::pause();
  ::kill(killed, SIGKILL);
  ASSERT_TRUE(ends(killed));
  EXPECT_EQ(to_string(read_exit_status(killed)), "SIGKILL");
  ::waitpid(killed, nullptr, 0);
}

TEST_F(fork_server_fixture, what_is_no_request_harms_nobody) {
  for (auto& hostile : test::hostile_documents())
    for (auto& text : {hostile.text, R"({"instance":)" + hostile.text + "}",
                       R"({"instance":"quick:0","limits":)" + hostile.text + "}",
                       R"({"forget":)" + hostile.text + "}"})
      if (!text.empty())
        (void)send_with_fds(channel_.get(), std::string_view(text).substr(0, 8'000), {}, 0);
  ASSERT_TRUE(send_with_fds(channel_.get(), R"({"instance":"../../x:0"})", {}, 0));
  pid_t facts[2];
  auto pid = start("quick:0", facts);
  EXPECT_GT(pid, 0);
  EXPECT_TRUE(send_forget(channel_.get(), {pid}));
}

}  // namespace sm
