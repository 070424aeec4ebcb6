#include "process/fork_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <set>
#include <sm/json.hpp>

#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"
#include "process/rendezvous.hpp"
#include "process/system_error.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::size_t message_max = 16 << 10;
constexpr auto sweep_pause = 20ms;  // gathers the ends that come together
constexpr auto lock_patience = 1s;  // for the process before this one to be gone
constexpr auto lock_look_again = 5ms;

result<std::pair<unique_fd, unique_fd>> socket_pair(int type, const char* what) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return system_failure(what);
  return std::pair{unique_fd(fds[0]), unique_fd(fds[1])};
}

/// Held by this process and its children as long as one of them lives.
bool take_lock(const fs::path& file) {
  int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  for (auto give_up = clock::now() + lock_patience;;) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (clock::now() > give_up) return false;
    ::poll(nullptr, 0, static_cast<int>(lock_look_again.count()));
  }
}

/// What a fresh process sets up before any of its own code runs.
void become_service_process(const std::string& instance, const fs::path& folder) {
  ::setsid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE}) std::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (unique_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC)); null) ::dup2(null.get(), 0);
  auto file = (folder / "log" / (instance + ".out")).string();
  unique_fd output(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (output) {
    ::dup2(output.get(), 1);
    ::dup2(output.get(), 2);
  }
  ::prctl(PR_SET_NAME, ("sm " + instance).c_str(), 0, 0, 0);
}

class fork_server {
 public:
  fork_server(const fork_server_settings& settings, const std::function<void(fresh_process)>& child)
      : channel_(settings.channel),
        folder_(settings.state_folder),
        statuses_kept_(settings.orphan_grace_ms),
        cgroups_(settings.cgroups),
        child_(child) {
    // Signals of the terminal or an impatient operator are for the manager; it ends us by closing.
    for (int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    signals_.reset(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  void serve() {
    while (channel_ || sweep_at_ || may_wait_for_a_manager()) {
      std::array<pollfd, 2> watched{pollfd{signals_.get(), POLLIN, 0},
                                    pollfd{channel_ ? channel_.get() : -1, POLLIN, 0}};
      ::poll(watched.data(), watched.size(), static_cast<int>(patience().count()));
      if (watched[0].revents != 0) on_child_ended();
      if (watched[1].revents != 0) read_channel();
      if (sweep_at_ && clock::now() >= *sweep_at_) sweep();
      if (!channel_ && clock::now() >= dial_at_) dial();
    }
  }

 private:
  std::chrono::milliseconds patience() const {
    auto until = clock::time_point::max();
    if (sweep_at_) until = *sweep_at_;
    if (!channel_) until = std::min(until, dial_at_);
    if (until == clock::time_point::max()) return -1ms;
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()), 0ms);
  }

  // -- requests

  void read_channel() {
    for (;;) {
      auto received = receive_with_fds(channel_.get(), message_max);
      if (!received) {
        if (received.error().code == errc::unavailable) manager_lost();
        return;
      }
      auto message = parse_json(received->text);
      if (!message) continue;
      auto& passed = received->passed;
      if (message->contains("instance")) {
        unique_fd link;
        if (!passed.empty()) {
          link = std::move(passed.front());
          passed.erase(passed.begin());
        }
        fork_instance({.instance = message->value("instance", ""),
                       .incarnation = message->value("incarnation", std::uint64_t{0}),
                       .token = message->value("token", ""),
                       .grouped = message->value("grouped", false),
                       .limits = message->value("limits", cgroup_limits{})},
                      std::move(link), std::move(passed));
      } else {
        for (auto& pid : message->value("forget", json::array())) forget(pid.get<pid_t>());
      }
    }
  }

  void fork_instance(fork_request rq, unique_fd link, std::vector<unique_fd> sockets) {
    fork_reply reply{.incarnation = rq.incarnation};
    if (!link) errno = EMFILE;  // its descriptors did not fit into this process
    auto pid = link ? ::fork() : -1;
    if (pid == 0) {
      channel_.reset();
      signals_.reset();
      become_service_process(rq.instance, folder_);
      if (rq.grouped) cgroups_.join(rq.run(), rq.limits);
      fresh_process fresh{std::move(rq), std::move(link), std::move(sockets), false};
      fresh.locked = take_lock(folder_ / "lock.d" / fresh.identity.instance);
      std::fflush(nullptr);
      child_(std::move(fresh));
      ::_exit(0);
    }
    if (pid > 0) {
      children_.insert(pid);
      reply.pid = pid;
    } else {
      reply.reason = "cannot fork: " + std::generic_category().message(errno);
    }
    auto text = print_json(
        {{"incarnation", reply.incarnation}, {"pid", reply.pid}, {"reason", reply.reason}});
    (void)send_with_fds(channel_.get(), text, {}, 0);
  }

  // -- ends

  void forget(pid_t pid) {
    if (children_.erase(pid) == 0) return;
    ::waitpid(pid, nullptr, WNOHANG);
    schedule_sweep();
  }

  void on_child_ended() {
    signalfd_siginfo ignored{};
    while (::read(signals_.get(), &ignored, sizeof ignored) > 0) {
    }
    schedule_sweep();
  }

  void schedule_sweep() {
    if (!sweep_at_) sweep_at_ = clock::now() + sweep_pause;
  }

  void sweep() {
    sweep_at_.reset();
    auto killed = end_unknown_children(0, [&](pid_t pid) { return children_.contains(pid); });
    if (killed > 0) schedule_sweep();
  }

  // -- without a manager

  void manager_lost() {
    channel_.reset();
    schedule_sweep();  // nothing is left behind, should this be the end
    lost_at_ = dial_at_ = clock::now();
    attempts_ = 0;
  }

  bool may_wait_for_a_manager() const {
    for (auto pid : children_)
      if (auto s = read_proc_stat(pid); s && s->state != 'Z') return true;
    return !children_.empty() && clock::now() < lost_at_ + statuses_kept_;
  }

  void dial() {
    dial_at_ = clock::now() + dial_pause(attempts_++);
    auto pair = make_fork_channel();
    if (!pair) return;
    json greeting{{"role", "forks"}, {"children", children_}};
    if (dial_manager(folder_ / "link.sock", greeting, {pair->second.get()}))
      channel_ = std::move(pair->first);
  }

  unique_fd channel_;
  unique_fd signals_;
  const fs::path folder_;
  const std::chrono::milliseconds statuses_kept_;
  const cgroup_root cgroups_;
  const std::function<void(fresh_process)>& child_;
  std::set<pid_t> children_;
  std::optional<clock::time_point> sweep_at_;
  clock::time_point lost_at_{}, dial_at_{};
  unsigned attempts_ = 0;
};

}  // namespace

result<std::pair<unique_fd, unique_fd>> make_fork_channel() {
  return socket_pair(SOCK_SEQPACKET, "cannot make the fork server's channel");
}

result<std::pair<unique_fd, unique_fd>> make_link_pair() {
  return socket_pair(SOCK_STREAM, "cannot make a link");
}

result<void> send_fork_request(int channel, const fork_request& rq, int link_fd,
                               const std::vector<int>& sockets) {
  auto text = print_json({{"instance", rq.instance},
                          {"incarnation", rq.incarnation},
                          {"token", rq.token},
                          {"grouped", rq.grouped},
                          {"limits", rq.limits}});
  // MSG_DONTWAIT: a full channel is a failed spawn, which has its backoff, not a stopped event
  // loop.
  std::vector<int> passed{link_fd};
  passed.insert(passed.end(), sockets.begin(), sockets.end());
  return send_with_fds(channel, text, passed, MSG_DONTWAIT);
}

result<void> send_forget(int channel, const std::vector<pid_t>& pids) {
  return send_with_fds(channel, print_json({{"forget", pids}}), {}, MSG_DONTWAIT);
}

result<fork_reply> receive_fork_reply(int channel) {
  std::array<char, message_max> text;
  auto size = ::recv(channel, text.data(), text.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return fail(errc::cancelled, "no reply yet");
  if (size <= 0) return fail(errc::unavailable, "the fork server is gone");
  auto document = parse_json({text.data(), static_cast<std::size_t>(size)});
  if (!document) return tl::unexpected<error>(document.error());
  return fork_reply{document->value("incarnation", std::uint64_t{0}), document->value("pid", -1),
                    document->value("reason", "")};
}

void serve_forks(const fork_server_settings& settings,
                 const std::function<void(fresh_process)>& child) {
  fork_server(settings, child).serve();
}

}  // namespace sm
