#include "process/start_state.hpp"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "system/system_error.hpp"

namespace sm {
namespace {

rlim_t limit_at_start = RLIM_INFINITY;

sigset_t end_signals() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

}  // namespace

void open_standard_streams() noexcept {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one: those below are open.
    [[maybe_unused]] int opened = ::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
  }
}

void clear_signal_state() noexcept {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGCHLD, SIG_DFL);
}

void hold_end_signals() noexcept {
  auto held = end_signals();
  ::sigprocmask(SIG_SETMASK, &held, nullptr);
  for (int number : {SIGTERM, SIGINT, SIGCHLD}) std::signal(number, SIG_DFL);
}

result<unique_fd> open_end_signals() {
  auto held = end_signals();
  unique_fd fd(::signalfd(-1, &held, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return system_failure("cannot wait for signals");
  return fd;
}

std::optional<int> next_end_signal(int fd) noexcept {
  signalfd_siginfo read{};
  if (::read(fd, &read, sizeof read) != sizeof read) return std::nullopt;
  return static_cast<int>(read.ssi_signo);
}

bool end_signal_waits() noexcept {
  sigset_t waiting;
  return ::sigpending(&waiting) == 0 &&
         (sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1);
}

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit_at_start = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void restore_descriptor_limit() noexcept {
  rlimit limit{};
  if (limit_at_start == RLIM_INFINITY || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit_at_start;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

rlim_t descriptor_limit_at_start() noexcept { return limit_at_start; }

void remember_descriptor_limit(rlim_t soft) noexcept { limit_at_start = soft; }

}  // namespace sm
