#include "process/process_events.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <sm/guarded.hpp>

#include "link/messages.hpp"
#include "log/log_file.hpp"
#include "process/rendezvous.hpp"
#include "system/lost_time.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds output_pause_max = 10s;
constexpr std::chrono::milliseconds output_pause_min = 100ms;

}  // namespace

unique_fd second_descriptor(int fd) { return unique_fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

process_events::process_events(const fresh_process& fresh, std::filesystem::path state_folder)
    : identity_(fresh.identity),
      folder_(std::move(state_folder)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      link_(second_descriptor(fresh.link.get())) {
  for (auto& socket : fresh.sockets) sockets_.push_back(socket.get());
  instance_ = this;
  for (int number : {SIGTERM, SIGINT}) catch_signal(number);
  std::signal(SIGPIPE, SIG_IGN);
}

void process_events::catch_signal(int number) {
  struct sigaction action {};
  action.sa_handler = [](int caught) {
    if (caught == SIGTERM || caught == SIGINT) instance_->signals_.fetch_add(1);
    instance_->caught_.fetch_or(std::uint64_t{1} << caught);
    instance_->wake();
  };
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, nullptr);
}

void process_events::take(const std::vector<int>& numbers, std::function<void(int)> f) {
  {
    std::lock_guard lock(taker_mutex_);
    taker_ = std::move(f);
  }
  for (int number : numbers) {
    taken_.fetch_or(std::uint64_t{1} << number);
    catch_signal(number);
  }
}

void process_events::hand_over_signals() {
  auto caught = caught_.exchange(0) & taken_;
  std::lock_guard lock(taker_mutex_);
  for (int number = 1; number < 64; ++number)
    if (taker_ && (caught & (std::uint64_t{1} << number)) != 0)
      (void)guarded("a signal's handler", [&] { taker_(number); });
}

void process_events::end(int code) {
  int none = -1;
  code_.compare_exchange_strong(none, code);
  wake();
}

void process_events::wake() {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(wake_.get(), &one, sizeof one);
}

int process_events::patience() const {
  auto until = std::min(kill_at_, check_output_at_);
  if (!link_) until = std::min(until, dial_at_);
  auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

int process_events::wait(const handlers& to) {
  for (int handled = 0;;) {
    std::array<pollfd, 2> watched{pollfd{wake_.get(), POLLIN, 0},
                                  pollfd{link_ ? link_.get() : -1, POLLRDHUP, 0}};
    ::poll(watched.data(), watched.size(), patience());
    std::uint64_t drop = 0;
    [[maybe_unused]] auto n = ::read(wake_.get(), &drop, sizeof drop);
    if (code_ >= 0) return code_;
    hand_over_signals();
    // Asked twice is asked once: whoever has no more patience kills.
    for (; handled < signals_; ++handled) stop(to);
    if (watched[1].revents != 0) {
      link_.reset();
      lost_at_ = dial_at_ = clock::now();
      attempts_ = 0;
      to.on_manager_lost();
      // None of the service's code has run: the next manager makes a process of its own.
      if (!phase.welcomed) return exit_no_manager;
    }
    if (!link_ && clock::now() >= dial_at_) look_for_manager(to);
    if (clock::now() >= kill_at_) {
      auto lost = lost_time(kill_at_, clock::now());
      if (lost.count() == 0) return exit_no_manager;
      kill_at_ = clock::now() + std::min(lost, std::chrono::milliseconds(phase.stop_timeout_ms));
    }
    if (clock::now() >= check_output_at_) check_output();
  }
}

/// Rotates the file behind stdout and stderr, and opens it again when somebody removed it. Nothing
/// tells of a write, so it is looked at, the more often the faster it grows.
void process_events::check_output() {
  auto path = folder_ / "log" / (identity_.instance + ".out");
  struct stat ours {
  }, there{};
  bool known = ::fstat(1, &ours) == 0 && S_ISREG(ours.st_mode);
  if (!known) {
    check_output_at_ = clock::time_point::max();  // the service put it somewhere else
    return;
  }
  auto size = static_cast<std::uint64_t>(ours.st_size);
  if (size == output_size_)
    output_pause_ = std::min(output_pause_ * 2, output_pause_max);
  else
    output_pause_ = size > output_size_ + phase.log_max_size / 16 ? output_pause_min : 1s;
  check_output_at_ = clock::now() + output_pause_;
  bool removed = ::stat(path.c_str(), &there) != 0 || there.st_ino != ours.st_ino;
  bool full = !removed && size > phase.log_max_size;
  output_size_ = size;
  if (!removed && !full) return;
  if (full) rotate_files(path, phase.log_keep);
  auto fresh = open_log_descriptor(path);
  if (!fresh) return;
  ::dup2(fresh.get(), 1);
  ::dup2(fresh.get(), 2);
  output_size_ = 0;
  // It may have grown far beyond its size since it was looked at last.
  if (full && phase.log_keep > 0) keep_tail(path.string() + ".1", phase.log_max_size);
}

/// Asks for the end. Without a manager nobody else kills a process that does not heed it.
void process_events::stop(const handlers& to) {
  to.on_stop();
  if (!link_ && kill_at_ == clock::time_point::max())
    kill_at_ = clock::now() + std::chrono::milliseconds(phase.stop_timeout_ms);
}

void process_events::look_for_manager(const handlers& to) {
  lost_at_ += lost_time(dial_at_, clock::now());  // the next manager had no time to come
  if (clock::now() >= lost_at_ + std::chrono::milliseconds(phase.orphan_grace_ms)) {
    dial_at_ = clock::time_point::max();
    return stop(to);
  }
  dial_at_ = clock::now() + dial_pause(attempts_++);
  auto ready_since = phase.ready_since_ns.load();
  json greeting{{"role", "service"},
                {"version", wire::protocol_version},
                {"instance", identity_.instance},
                {"incarnation", identity_.incarnation},
                {"token", identity_.token},
                {"phase", phase.stopping    ? "stopping"
                          : ready_since > 0 ? "ready"
                                            : "starting"},
                {"ready_since_ns", ready_since}};
  auto link = dial_manager(folder_ / "link.sock", greeting, sockets_);
  if (link) {
    link_ = second_descriptor(link->get());
    to.on_new_link(std::move(*link));
  } else if (link.error().code == errc::conflict) {
    dial_at_ = clock::time_point::max();
    stop(to);
  }
}

}  // namespace sm
