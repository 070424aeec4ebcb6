#include "process/fork_server.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <sm/guarded.hpp>
#include <sm/json.hpp>

#include "log/log_file.hpp"
#include "process/forker.hpp"
#include "process/instance_lock.hpp"
#include "process/instance_name.hpp"
#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"
#include "process/rendezvous.hpp"
#include "system/lost_time.hpp"
#include "system/system_error.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

constexpr std::size_t message_max = 16 << 10;
constexpr auto sweep_pause = 20ms;  // between two looks at what does not end at once
constexpr auto tree_patience = 5s;  // for what was left behind to end by SIGKILL
constexpr auto term_memory = 2s;    // a SIGTERM before the manager's end belongs to it
constexpr auto lock_patience = 1s;  // for the process before this one to be gone

result<std::pair<unique_fd, unique_fd>> socket_pair(int type, const char* what) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return system_failure(what);
  return std::pair{unique_fd(fds[0]), unique_fd(fds[1])};
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
  if (auto output = open_log_descriptor(folder / "log" / (instance + ".out"))) {
    ::dup2(output.get(), 1);
    ::dup2(output.get(), 2);
  }
  // Lines are there when they are printed, whatever becomes of the process.
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  ::prctl(PR_SET_NAME, ("sm " + instance).c_str(), 0, 0, 0);
}

class fork_server {
 public:
  fork_server(const fork_server_settings& settings, const std::function<void(fresh_process)>& child)
      : channel_(settings.channel),
        folder_(settings.state_folder),
        statuses_kept_(settings.orphan_grace_ms),
        cgroups_(settings.cgroups),
        token_(settings.token),
        child_(child) {
    // Signals of the terminal or an impatient operator are for the manager; it ends us by closing.
    for (int number : {SIGINT, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigaddset(&ends, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    signals_.reset(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
    forker_.emplace();
  }

  void serve() {
    while (channel_ || sweep_at_ || may_wait_for_a_manager()) {
      std::array<pollfd, 2> watched{pollfd{signals_.get(), POLLIN, 0},
                                    pollfd{channel_ ? channel_.get() : -1, POLLIN, 0}};
      ::poll(watched.data(), watched.size(), static_cast<int>(patience().count()));
      if (watched[0].revents != 0) on_signals();
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
      // Who sends what does not fit is no manager of ours, and hears no answer.
      (void)guarded("a request to the fork server", [&] { take(*received); });
    }
  }

  void take(received_message& received) {
    auto message = parse_json(received.text);
    if (!message || !message->is_object()) throw failure(errc::internal, "it is no object");
    auto& passed = received.passed;
    if (message->contains("instance")) {
      fork_request what{.instance = message->at("instance"),
                        .incarnation = message->value("incarnation", std::uint64_t{0}),
                        .token = message->value("token", ""),
                        .grouped = message->value("grouped", false),
                        .limits = message->value("limits", cgroup_limits{})};
      if (!parse_instance_name(what.instance))  // it becomes the name of files
        throw failure(errc::internal, "'" + what.instance + "' is no instance");
      unique_fd link;
      if (!passed.empty()) {
        link = std::move(passed.front());
        passed.erase(passed.begin());
      }
      on_request({std::move(what), std::move(link), std::move(passed)});
    } else {
      forget(message->value("forget", std::vector<pid_t>{}));
    }
  }

  struct request {
    fork_request what;
    unique_fd link;
    std::vector<unique_fd> sockets;
  };

  void on_request(request rq) {
    auto& name = rq.what.instance;
    bool waits = std::any_of(ending_.begin(), ending_.end(),
                             [&](auto& tree) { return tree.instance == name; });
    if (!waits) return fork_instance(std::move(rq));
    tell({{"incarnation", rq.what.incarnation}, {"delayed", true}});
    delayed_.push_back(std::move(rq));
  }

  void fork_instance(request rq) {
    fork_reply reply{.incarnation = rq.what.incarnation};
    if (!rq.link) errno = EMFILE;  // its descriptors did not fit into this process
    auto pid = rq.link ? forker_->fork([&] {
      channel_.reset();
      signals_.reset();
      delayed_.clear();
      become_service_process(rq.what.instance, folder_);
      if (rq.what.grouped) cgroups_.join(rq.what.run(), rq.what.limits);
      fresh_process fresh{std::move(rq.what), std::move(rq.link), std::move(rq.sockets)};
      // Held by this process and its children as long as one of them lives.
      auto lock = take_instance_lock(folder_ / "lock.d", fresh.identity.instance, lock_patience);
      if (lock)
        (void)lock->release();
      else
        fresh.not_locked = to_string(lock.error());
      std::fflush(nullptr);
      child_(std::move(fresh));
    })
                       : -1;
    if (pid > 0) {
      children_[pid] = rq.what.instance;
      reply.pid = pid;
    } else {
      reply.reason = "cannot fork: " + std::generic_category().message(errno);
    }
    tell({{"incarnation", reply.incarnation}, {"pid", reply.pid}, {"reason", reply.reason}});
  }

  void tell(const json& message) {
    if (channel_) (void)send_with_fds(channel_.get(), print_json(message), {}, 0);
  }

  // -- ends

  struct ending_tree {
    pid_t pid = 0;
    std::string instance;
    clock::time_point give_up;
  };

  void forget(const std::vector<pid_t>& pids) {
    std::vector<pid_t> unknown;
    for (auto pid : pids) {
      auto child = children_.extract(pid);
      if (child.empty()) {
        unknown.push_back(pid);
        continue;
      }
      // One that lives is a stranger from here on, and killed as such.
      if (::waitpid(pid, nullptr, WNOHANG) == 0) strangers_.insert(pid);
      ending_.push_back({pid, std::move(child.mapped()), clock::now() + tree_patience});
    }
    if (!unknown.empty()) tell({{"unknown", unknown}});
    if (!ending_.empty()) sweep();
  }

  void on_signals() {
    signalfd_siginfo signal{};
    bool ended = false;
    while (::read(signals_.get(), &signal, sizeof signal) > 0) {
      ended = ended || signal.ssi_signo == SIGCHLD;
      if (signal.ssi_signo == SIGTERM) terminated_at_ = clock::now();
    }
    if (terminated_at_ && !channel_) end_children();
    if (!ended) return;
    // Every end of a daemon wakes us: to look who is left is cheap, to look for them all is not.
    if (!nobody_left())
      schedule_sweep();
    else
      settle();
  }

  void schedule_sweep() {
    if (!sweep_at_) sweep_at_ = clock::now() + sweep_pause;
  }

  bool nobody_left() {
    std::erase_if(strangers_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
    return !collect_orphans() && strangers_.empty();
  }

  void sweep() {
    sweep_at_.reset();
    if (nobody_left()) return settle();
    auto left = end_unknown_children(0, [&](pid_t pid) { return children_.contains(pid); });
    std::erase_if(given_up_, [](pid_t pid) { return process_start_time(pid) == 0; });
    std::erase_if(left, [&](pid_t pid) { return given_up_.contains(pid); });
    if (left.empty()) return settle();
    auto late = [](auto& tree) { return clock::now() >= tree.give_up; };
    if (std::any_of(ending_.begin(), ending_.end(), late)) settle(left);
    schedule_sweep();
  }

  /// Nothing is left of those that ended, but for what does not end.
  void settle(const std::vector<pid_t>& left = {}) {
    given_up_.insert(left.begin(), left.end());
    if (ending_.empty()) return;
    std::vector<pid_t> gone;
    for (auto& tree : std::exchange(ending_, {})) gone.push_back(tree.pid);
    tell({{"gone", gone}, {"left", left}});
    for (auto& rq : std::exchange(delayed_, {})) fork_instance(std::move(rq));
  }

  // -- without a manager

  void manager_lost() {
    channel_.reset();
    delayed_.clear();
    // With the manager it was for both: whoever stops a whole control group means us, too.
    if (terminated_at_ && clock::now() < *terminated_at_ + term_memory) end_children();
    schedule_sweep();  // nothing is left behind, should this be the end
    lost_at_ = dial_at_ = clock::now();
    attempts_ = 0;
  }

  /// Nobody shall come any more: the services are asked to end, and their end is ours.
  void end_children() {
    if (std::exchange(ending_all_, true)) return;
    for (auto& [pid, instance] : children_) ::kill(pid, SIGTERM);
  }

  bool may_wait_for_a_manager() const {
    for (auto& [pid, instance] : children_)
      if (auto s = read_proc_stat(pid); s && s->state != 'Z') return true;
    return !ending_all_ && !children_.empty() && clock::now() < lost_at_ + statuses_kept_;
  }

  void dial() {
    lost_at_ += lost_time(dial_at_, clock::now());  // the next manager had no time to come
    dial_at_ = clock::now() + dial_pause(attempts_++);
    if (!may_wait_for_a_manager()) return;
    auto pair = make_fork_channel();
    if (!pair) return;
    json greeting{{"role", "forks"}, {"token", token_}, {"children", json::array()}};
    for (auto& [child, instance] : children_) greeting["children"].push_back(child);
    if (dial_manager(folder_ / "link.sock", greeting, {pair->second.get()}))
      channel_ = std::move(pair->first);
  }

  unique_fd channel_;
  unique_fd signals_;
  const fs::path folder_;
  const std::chrono::milliseconds statuses_kept_;
  const cgroup_root cgroups_;
  const std::string token_;
  const std::function<void(fresh_process)>& child_;
  std::optional<clock::time_point> terminated_at_;
  bool ending_all_ = false;
  std::optional<forker> forker_;
  std::map<pid_t, std::string> children_;  // and which instance each is
  std::set<pid_t> strangers_;              // were children, were forgotten, and live
  std::set<pid_t> given_up_;               // do not end by SIGKILL
  std::vector<ending_tree> ending_;
  std::deque<request> delayed_;  // until those have ended
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

result<fork_message> receive_fork_message(int channel) {
  std::array<char, message_max> text;
  auto size = ::recv(channel, text.data(), text.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return fail(errc::cancelled, "no reply yet");
  if (size <= 0) return fail(errc::unavailable, "the fork server is gone");
  auto document = parse_json({text.data(), static_cast<std::size_t>(size)});
  if (!document) return tl::unexpected<error>(document.error());
  return guarded(
      "a message of a fork server",
      [&]() -> fork_message {
        auto pids = [&](const char* key) { return document->value(key, std::vector<pid_t>{}); };
        if (!document->contains("incarnation"))
          return forget_reply{pids("gone"), pids("unknown"), pids("left")};
        return fork_reply{document->value("incarnation", std::uint64_t{0}),
                          document->value("pid", -1), document->value("reason", ""),
                          document->value("delayed", false)};
      },
      errc::bad_request);
}

void serve_forks(const fork_server_settings& settings,
                 const std::function<void(fresh_process)>& child) {
  fork_server(settings, child).serve();
}

}  // namespace sm
