#include "fork_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "process/spawn.hpp"

namespace sm {
namespace {

constexpr int close_patience_ms = 1000;
constexpr std::chrono::seconds request_timeout{3};

}  // namespace

fork_client::fork_client(loop& l, logger log, std::vector<std::string> argv,
                         fork_server_settings settings)
    : loop_(l),
      log_(std::move(log)),
      argv_(std::move(argv)),
      settings_(std::move(settings)),
      deadline_(l.context()) {}

result<void> fork_client::start() {
  auto channel = make_fork_channel();
  if (!channel) return tl::unexpected<error>(channel.error());
  auto& [ours, theirs] = *channel;
  settings_.channel = inherited_number;
  auto pid =
      spawn({.executable = "/proc/self/exe",
             .argv = argv_,
             // LD_BIND_NOW: resolve every symbol once here instead of in each forked process.
             .environment = {std::string(fork_server_variable) + "=" + print_json(json(settings_)),
                             "LD_BIND_NOW=1"},
             .inherited_fd = theirs.get()});
  if (!pid) return tl::unexpected<error>(pid.error());
  pid_ = *pid;
  own_ = servers_.emplace(servers_.end(), loop_.context());
  own_->channel.assign(ours.release());
  read_replies(own_);
  return {};
}

void fork_client::fork(const fork_request& rq, unique_fd link, const std::vector<int>& sockets,
                       on_forked done) {
  result<void> outcome;
  if (own_ == servers_.end()) outcome = start();
  if (outcome) outcome = send_fork_request(own_->channel.native_handle(), rq, link.get(), sockets);
  if (!outcome) {
    loop_.defer([done = std::move(done), e = outcome.error()] { done(tl::unexpected<error>(e)); });
    return;
  }
  waiting_[rq.incarnation] = {std::move(done), std::chrono::steady_clock::now()};
  watch_requests();
}

/// A fork server that does not answer is killed; the next request makes a new one.
void fork_client::watch_requests() {
  if (waiting_.empty() || std::exchange(watching_, true)) return;
  deadline_.expires_after(request_timeout);
  deadline_.async_wait([this](error_code ec) {
    watching_ = false;
    if (ec) return;
    auto late = std::chrono::steady_clock::now() - request_timeout;
    bool silent = std::any_of(waiting_.begin(), waiting_.end(),
                              [&](auto& entry) { return entry.second.sent <= late; });
    if (silent && own_ != servers_.end()) {
      log_.error("the fork server (pid {}) does not answer and is killed", pid_);
      ::kill(pid_, SIGKILL);
      lost(own_);
    }
    watch_requests();
  });
}

bool fork_client::forget(pid_t pid) {
  for (auto& s : servers_) {
    s.to_forget.push_back(pid);
    // A channel that is full just now gets it with the next one.
    if (send_forget(s.channel.native_handle(), s.to_forget)) s.to_forget.clear();
  }
  return ::waitpid(pid, nullptr, WNOHANG) == pid;
}

void fork_client::take_over(unique_fd channel) {
  auto s = servers_.emplace(servers_.end(), loop_.context());
  s->channel.assign(channel.release());
  read_replies(s);
}

void fork_client::read_replies(server_ref s) {
  s->channel.async_wait(asio::posix::stream_descriptor::wait_read, [this, s](error_code ec) {
    if (ec) return;
    for (;;) {
      auto reply = receive_fork_reply(s->channel.native_handle());
      if (!reply) {
        if (reply.error().code != errc::cancelled) return lost(s);
        break;
      }
      auto entry = waiting_.extract(reply->incarnation);
      if (entry.empty()) continue;
      if (reply->pid > 0)
        entry.mapped().done(reply->pid);
      else
        entry.mapped().done(fail(errc::unavailable, reply->reason));
    }
    read_replies(s);
  });
}

void fork_client::lost(server_ref s) {
  bool own = s == own_;
  servers_.erase(s);
  if (!own) return;
  own_ = servers_.end();
  pid_ = 0;
  log_.error("the fork server ended; the next start makes a new one");
  for (auto& [incarnation, rq] : std::exchange(waiting_, {}))
    rq.done(fail(errc::unavailable, "the fork server ended"));
}

void fork_client::close() {
  for (auto& s : servers_) {
    // It ends what is left of the ended first, and hangs up when it ends itself.
    int fd = s.channel.native_handle();
    ::shutdown(fd, SHUT_WR);
    pollfd watched{fd, 0, 0};
    ::poll(&watched, 1, close_patience_ms);
  }
  servers_.clear();
  own_ = servers_.end();
}

}  // namespace sm
