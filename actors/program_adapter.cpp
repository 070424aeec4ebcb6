#include "program_adapter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <sm/guarded.hpp>

#include "log/process_log.hpp"
#include "process/pidfd.hpp"
#include "process/probe.hpp"
#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"
#include "process/program.hpp"
#include "process/signal_names.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t line_max = 64 << 10;  // bytes; a longer line becomes several
constexpr int blocks_at_once = 4;           // of one stream, before the others are looked at
constexpr auto ready_look_again = 50ms;     // between two questions whether it is ready

std::pair<unique_fd, unique_fd> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw failure(errc::unavailable, "cannot make a pipe");
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {unique_fd(ends[0]), unique_fd(ends[1])};
}

}  // namespace

program_adapter::program_adapter(service_context context, const builtin_setup& setup)
    : service(std::move(context)), spec_(setup.spec), host_(setup.host), log_file_(setup.log) {
  command("status", [this] { return status(); });
  start();
  host_.hold_ready();
  host_.answer_pings_while([this] { return shows_life(); });
  host_.on_signal([this](int number) { signal_group(pid_, number); });
  try {
    watcher_ = std::thread([this] { go_on(&program_adapter::watch); });
    caretaker_ = std::thread([this] { go_on(&program_adapter::look_after); });
  } catch (...) {  // no memory, or a limit on tasks
    signal_group(pid_, SIGKILL);
    if (watcher_.joinable()) watcher_.join();
    throw;
  }
}

void program_adapter::start() {
  auto [out, out_end] = make_pipe();
  auto [err, err_end] = make_pipe();
  unique_fd ready_end;
  program_streams streams{.output = out_end.get(), .errors = err_end.get()};
  if (!spec_.sockets.empty()) {
    streams.descriptors = host_.sockets();
    streams.variables.emplace_back("LISTEN_FDS", std::to_string(streams.descriptors.size()));
    // The service's name for each, as systemd has its unit's.
    std::string names = name();
    for (std::size_t i = 1; i < streams.descriptors.size(); ++i) names += ":" + name();
    streams.variables.emplace_back("LISTEN_FDNAMES", std::move(names));
    streams.listen_pid = true;
  }
  if (spec_.ready.kind == "fd") {
    std::tie(ready_pipe_, ready_end) = make_pipe();
    streams.variables.emplace_back("SM_READY_FD", std::to_string(3 + streams.descriptors.size()));
    streams.descriptors.push_back(ready_end.get());
  }
  if (spec_.ready.kind == "notify") {
    auto socket = notify_socket::open();
    if (!socket) throw failure(socket.error());
    notify_.emplace(std::move(*socket));
    streams.variables.emplace_back("NOTIFY_SOCKET", notify_->address());
    if (spec_.watchdog.count() > 0)
      streams.variables.emplace_back("WATCHDOG_USEC",
                                     std::to_string(spec_.watchdog.count() * 1000));
  }
  streams.variables.emplace_back("SM_INSTANCE", instance());
  auto pid = start_program(spec_, streams);
  if (!pid) throw failure(pid.error());
  pid_ = *pid;
  process_ = open_pidfd(pid_);
  output_.fd = std::move(out);
  errors_.fd = std::move(err);
  log().info("{} runs as pid {}", spec_.command.front(), pid_);
}

program_adapter::~program_adapter() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    if (!ended_) {
      signal_group(pid_, parse_signal(spec_.stop_signal).value_or(SIGTERM));
      signal_group(pid_, SIGCONT);
      changed_.wait_for(lock, spec_.stop_timeout, [this] { return ended_; });
    }
    if (!ended_) signal_group(pid_, SIGKILL);
  }
  if (watcher_.joinable()) watcher_.join();
  if (caretaker_.joinable()) caretaker_.join();
}

/// What one of the threads does, begun anew after an exception, such as one for lack of memory.
void program_adapter::go_on(void (program_adapter::*work)()) {
  while (!guarded("the care for " + instance(), [&] { (this->*work)(); }))
    std::this_thread::sleep_for(100ms);
}

// -- the watcher's thread: what comes from the program

void program_adapter::watch() {
  std::array<char, 1> byte;
  for (bool over = false; !over;) {
    std::array<pollfd, 5> watched{
        pollfd{process_.get(), POLLIN, 0}, pollfd{output_.fd.get(), POLLIN, 0},
        pollfd{errors_.fd.get(), POLLIN, 0}, pollfd{notify_ ? notify_->fd() : -1, POLLIN, 0},
        pollfd{ready_pipe_.get(), POLLIN, 0}};
    ::poll(watched.data(), watched.size(), -1);
    over = watched[0].revents != 0;
    // Once it has ended, its last words are still in the pipes.
    if (over || watched[1].revents != 0) read_stream(output_);
    if (over || watched[2].revents != 0) read_stream(errors_);
    if (watched[3].revents != 0) read_notifications();
    if (watched[4].revents != 0) {
      auto n = ::read(ready_pipe_.get(), byte.data(), byte.size());
      if (n == 1 && byte[0] == '\n') became_ready();
      if (n == 0) ready_pipe_.reset();
    }
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  exit_status how = exited_with{WEXITSTATUS(status)};
  if (WIFSIGNALED(status)) how = killed_by{WTERMSIG(status)};
  std::string why;
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    why = why_ended_;
  }
  changed_.notify_all();
  log().info("{} (pid {}) ended: {}", spec_.command.front(), pid_, to_string(how));
  host_.end(how, why);
}

void program_adapter::read_stream(stream& s) {
  std::array<char, 65536> block;
  std::string lines;
  auto add = [&](std::string_view text) {
    lines += log_line(std::chrono::system_clock::now(), "stream", s.name, instance(), pid_, text);
  };
  for (int blocks = 0; s.fd && blocks < blocks_at_once; ++blocks) {
    auto n = ::read(s.fd.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) break;
    // An end of the stream costs nothing further: the descriptor is not watched any more.
    if (n == 0) s.fd.reset();
    s.rest.append(block.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    std::size_t at = 0;
    for (auto end = s.rest.find('\n'); end != s.rest.npos; end = s.rest.find('\n', at)) {
      add(std::string_view(s.rest).substr(at, end - at));
      at = end + 1;
    }
    s.rest.erase(0, at);
    if (s.rest.size() >= line_max || (n == 0 && !s.rest.empty())) {
      add(s.rest);
      s.rest.clear();
    }
    if (!lines.empty()) log_file_->write(lines);
    lines.clear();
    if (n == static_cast<ssize_t>(block.size())) continue;
    break;
  }
}

void program_adapter::read_notifications() {
  while (auto n = notify_->receive()) {
    // The program itself, or a process of its session: nobody else speaks for it.
    auto sender = read_proc_stat(n->sender);
    if (n->sender != pid_ && !(sender && sender->session == pid_)) {
      log().warn("a notification of pid {} is ignored: it is not of this program", n->sender);
      continue;
    }
    if (n->fields["READY"] == "1") became_ready();
    std::lock_guard lock(mutex_);
    if (n->fields["WATCHDOG"] == "1") beat_ = clock::now();
    if (auto text = n->fields.find("STATUS"); text != n->fields.end()) status_text_ = text->second;
  }
}

// -- the caretaker's thread: what takes time to find out

/// False when it is over.
bool program_adapter::pause(std::chrono::milliseconds length) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, length, [this] { return stopping_ || ended_; });
}

void program_adapter::look_after() {
  auto& r = spec_.ready;
  if (r.kind == "delay") {
    if (!pause(r.delay)) return;
    became_ready();
  } else if (r.kind == "tcp" || r.kind == "http") {
    auto target = *parse_probe_target(r.kind, r.target);
    while (!probe(r.kind, target, 1s))
      if (!pause(ready_look_again)) return;
    became_ready();
  }
  auto& h = spec_.health;
  if (h.kind.empty()) return;
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || ended_ || ready_; });
  }
  if (!pause(h.grace)) return;
  auto target = *parse_probe_target(h.kind, h.target);
  do {
    auto healthy = probe(h.kind, target, h.timeout);
    std::unique_lock lock(mutex_);
    failures_ = healthy ? 0 : failures_ + 1;
    health_ = healthy ? "healthy" : healthy.error().detail;
    if (healthy) continue;
    auto failures = failures_;
    auto words = health_;
    lock.unlock();
    log().warn("health check {} of {} failed: {}", failures, h.failures, words);
    if (failures >= h.failures) return end_program("unhealthy: " + words);
  } while (pause(h.interval));
}

// -- both

void program_adapter::became_ready() {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(ready_, true)) return;
  }
  changed_.notify_all();
  host_.set_ready(pid_);
}

/// The policy decides what comes then.
void program_adapter::end_program(const std::string& why) {
  std::lock_guard lock(mutex_);
  if (ended_) return;
  why_ended_ = why;
  signal_group(pid_, SIGKILL);
}

/// A stopped program gives no sign of life, nor does one that promised to and does not.
bool program_adapter::shows_life() {
  auto s = read_proc_stat(pid_);
  if (s && (s->state == 'T' || s->state == 't')) return false;
  std::lock_guard lock(mutex_);
  return !beat_ || clock::now() - *beat_ < spec_.watchdog;
}

json program_adapter::status() {
  std::lock_guard lock(mutex_);
  json document{{"pid", pid_}, {"command", spec_.command}, {"ready", ready_}};
  if (!spec_.health.kind.empty()) document["health"] = health_;
  if (!status_text_.empty()) document["status"] = status_text_;
  return document;
}

}  // namespace sm
