#include "process/start_state.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace sm {
namespace {

rlim_t limit_at_start = RLIM_INFINITY;

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
