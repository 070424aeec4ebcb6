#include "manager/fork_client.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "process/proc_stat.hpp"
#include "process/spawn.hpp"
#include "system/lost_time.hpp"

namespace sm {
namespace {

constexpr int close_patience_ms = 1000;
constexpr std::chrono::seconds request_timeout{3};
constexpr std::chrono::milliseconds look_for_late{500};
constexpr std::chrono::seconds tree_timeout{8};  // the fork server has its own, and says so before
constexpr std::chrono::seconds parent_timeout{1};  // for a fork server to come for its child

using clock = std::chrono::steady_clock;

bool hung_up(int channel) {
  pollfd watched{channel, 0, 0};
  return ::poll(&watched, 1, 0) > 0 && (watched.revents & POLLHUP) != 0;
}

}  // namespace

fork_client::fork_client(loop& l, logger log, std::vector<std::string> argv,
                         fork_server_settings settings)
    : loop_(l),
      log_(std::move(log)),
      argv_(std::move(argv)),
      settings_(std::move(settings)),
      executable_(own_executable(argv_.empty() ? std::string{} : argv_.front())),
      deadline_(l.context()) {}

result<void> fork_client::start() {
  auto channel = make_fork_channel();
  if (!channel) return tl::unexpected<error>(channel.error());
  auto& [ours, theirs] = *channel;
  settings_.channel = inherited_number;
  made_of_ = identify(executable_);
  // Our own file, even if it is not there any more, unless there is another one.
  bool replaced = made_of_ && made_of_ != identify("/proc/self/exe");
  auto pid =
      spawn({.executable = replaced ? executable_.string() : "/proc/self/exe",
             .argv = argv_,
             // LD_BIND_NOW: resolve every symbol once here instead of in each forked process.
             .environment = {std::string(fork_server_variable) + "=" + print_json(json(settings_)),
                             "LD_BIND_NOW=1"},
             .inherited_fd = theirs.get()});
  if (!pid) return tl::unexpected<error>(pid.error());
  own_ = servers_.emplace(servers_.end(), loop_.context());
  own_->pid = *pid;
  own_->channel.assign(ours.release());
  read_replies(own_);
  return {};
}

/// Processes are made of the file that is there now: one look at it, in the kernel's cache.
void fork_client::follow_executable() {
  auto now = identify(executable_);
  if (own_ == servers_.end() || !now || now == made_of_) return;
  auto before = own_;
  if (auto started = start(); !started) {
    log_.error("{} was replaced and does not start: {}", executable_.string(),
               to_string(started.error()));
    own_ = before;
    return;
  }
  log_.info("{} was replaced: what is started from here on is made of the new file",
            executable_.string());
  for (auto& [pid, e] : ending_) e.in_order = false;
  retire(*before);
}

/// One that will get no request any more ends when it has no children.
void fork_client::retire(server& s) {
  bool in_use = own_ != servers_.end() && &s == &*own_;
  if (!in_use && s.pid > 0 && s.children.empty() && s.to_forget.empty())
    ::shutdown(s.channel.native_handle(), SHUT_WR);
}

std::vector<pid_t> fork_client::ours() const {
  std::vector<pid_t> all(earlier_.begin(), earlier_.end());
  for (auto& s : servers_)
    if (s.pid > 0) all.push_back(s.pid);
  return all;
}

void fork_client::collect_earlier() {
  std::erase_if(earlier_, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

bool fork_client::is_ours(pid_t pid) const {
  return earlier_.contains(pid) ||
         std::any_of(servers_.begin(), servers_.end(), [&](auto& s) { return s.pid == pid; });
}

void fork_client::fork(const fork_request& rq, unique_fd link, const std::vector<int>& sockets,
                       on_forked done) {
  follow_executable();
  // Copies: the listening sockets may be closed while the request is held.
  std::vector<unique_fd> own;
  own.reserve(sockets.size());
  for (int fd : sockets) own.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  bool waits = std::any_of(ending_.begin(), ending_.end(), [&](auto& entry) {
    return entry.second.instance == rq.instance && !entry.second.in_order;
  });
  held_request request{rq, std::move(link), std::move(own), std::move(done)};
  if (waits)
    held_.push_back(std::move(request));
  else
    send_fork(std::move(request));
}

void fork_client::send_fork(held_request request, bool again) {
  result<void> outcome;
  std::vector<int> numbers;
  for (auto& fd : request.sockets) numbers.push_back(fd.get());
  if (own_ == servers_.end()) outcome = start();
  // In order: what ended first is forgotten first.
  if (outcome && !own_->to_forget.empty()) {
    outcome = send_forget(own_->channel.native_handle(), own_->to_forget);
    if (outcome) own_->to_forget.clear();
  }
  if (outcome)
    outcome =
        send_fork_request(own_->channel.native_handle(), request.rq, request.link.get(), numbers);
  if (!outcome) {
    // What it still answered is read first; the next one is asked then.
    if (!again && own_ != servers_.end() && hung_up(own_->channel.native_handle()))
      return own_->unsent.push_back(std::move(request));
    loop_.defer(
        [done = std::move(request.done), e = outcome.error()] { done(tl::unexpected<error>(e)); });
    return;
  }
  waiting_[request.rq.incarnation] = {std::move(request.done), clock::now() + request_timeout};
  watch_requests();
}

/// A fork server that does not answer is killed; the next request makes a new one.
void fork_client::watch_requests() {
  if ((waiting_.empty() && ending_.empty()) || std::exchange(watching_, true)) return;
  deadline_.expires_after(look_for_late);
  deadline_.async_wait([this](error_code ec) {
    watching_ = false;
    if (ec) return;
    auto now = clock::now();
    auto lost_here = lost_time(deadline_.expiry(), now);
    for (auto& [number, request] : waiting_) request.late += lost_here;
    for (auto& [pid, e] : ending_) e.late += lost_here;
    bool silent = std::any_of(waiting_.begin(), waiting_.end(),
                              [&](auto& entry) { return entry.second.late <= now; });
    if (silent && own_ != servers_.end()) {
      log_.error("the fork server (pid {}) does not answer and is killed", own_->pid);
      ::kill(own_->pid, SIGKILL);
      lost(own_);
    }
    std::vector<pid_t> late;
    for (auto& [pid, e] : ending_)
      if (e.late <= now) late.push_back(pid);
    for (auto pid : late) ended(pid);
    watch_requests();
  });
}

bool fork_client::forget(pid_t pid, const std::string& instance, std::function<void()> done) {
  if (ending_.contains(pid)) return false;
  auto parent = std::find_if(servers_.begin(), servers_.end(),
                             [&](auto& s) { return s.children.contains(pid); });
  bool known = parent != servers_.end();
  bool ours = !known && ::waitpid(pid, nullptr, WNOHANG) == pid;
  // Somebody keeps it for a manager, and will come to say so.
  bool kept = known || ours || process_start_time(pid) != 0;
  ending_[pid] = {.instance = instance,
                  .done = std::move(done),
                  .late = clock::now() + (known || ours ? tree_timeout : parent_timeout),
                  .in_order = known && parent == own_};
  if (known)
    hand_on(*parent, pid);
  else if (!kept)
    loop_.defer([this, pid] { ended(pid); });
  watch_requests();
  return ours;
}

void fork_client::hand_on(server& s, pid_t pid) {
  s.children.erase(pid);
  s.to_forget.push_back(pid);
  // A channel that is full just now gets it with the next one.
  if (send_forget(s.channel.native_handle(), s.to_forget)) s.to_forget.clear();
}

void fork_client::ended(pid_t pid) {
  auto entry = ending_.extract(pid);
  if (entry.empty()) return;
  auto& name = entry.mapped().instance;
  if (entry.mapped().done) entry.mapped().done();
  for (auto held = held_.begin(); held != held_.end();) {
    auto next = std::next(held);
    if (held->rq.instance == name) {
      send_fork(std::move(*held));
      held_.erase(held);
    }
    held = next;
  }
}

void fork_client::take_over(unique_fd channel, const std::vector<pid_t>& children) {
  auto s = servers_.emplace(servers_.end(), loop_.context());
  s->channel.assign(channel.release());
  s->children.insert(children.begin(), children.end());
  read_replies(s);
  for (auto pid : children)
    if (ending_.contains(pid)) hand_on(*s, pid);
}

void fork_client::read_replies(server_ref s) {
  s->channel.async_wait(asio::posix::stream_descriptor::wait_read, [this, s](error_code ec) {
    if (ec) return;
    for (;;) {
      auto message = receive_fork_message(s->channel.native_handle());
      if (!message) {
        if (message.error().code != errc::cancelled) return lost(s);
        break;
      }
      std::visit([&](auto& m) { on_message(*s, m); }, *message);
    }
    read_replies(s);
  });
}

void fork_client::on_message(server& s, const fork_reply& reply) {
  auto entry = waiting_.find(reply.incarnation);
  if (reply.delayed) {
    if (entry != waiting_.end()) entry->second.late = clock::now() + tree_timeout;
    return;
  }
  if (reply.pid > 0) s.children.insert(reply.pid);
  s.proven = s.proven || reply.pid > 0;
  if (entry == waiting_.end()) return;
  auto done = std::move(entry->second.done);
  waiting_.erase(entry);
  if (reply.pid > 0)
    done(reply.pid);
  else
    done(fail(errc::unavailable, reply.reason));
}

void fork_client::on_message(server& s, const forget_reply& reply) {
  for (auto pid : reply.left)
    log_.error("pid {}, left behind by a process that ended, does not end by SIGKILL", pid);
  for (auto* list : {&reply.gone, &reply.unknown})
    for (auto pid : *list) ended(pid);
  retire(s);
}

/// Its channel closed.
void fork_client::lost(server_ref s) {
  bool own = s == own_;
  bool never_worked = own && !s->proven;
  auto unsent = std::move(s->unsent);
  servers_.erase(s);
  // What it was asked to end is a child of ours, or of nobody who could say.
  for (auto& [pid, e] : ending_)
    if (e.in_order == own) e.late = std::min(e.late, clock::now() + parent_timeout);
  if (own) replace_own(never_worked);
  for (auto& request : unsent) send_fork(std::move(request), true);
}

void fork_client::replace_own(bool never_worked) {
  // The one of the file before this one, if it still has children: better than none.
  own_ = never_worked ? std::find_if(servers_.begin(), servers_.end(),
                                     [](auto& other) { return other.pid > 0 && other.proven; })
                      : servers_.end();
  if (own_ == servers_.end())
    log_.error("the fork server ended; the next start makes a new one");
  else
    log_.error("{} was replaced and does not start; the old one is used on", executable_.string());
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
