#include "process/leftover.hpp"

#include <poll.h>
#include <sys/syscall.h>

#include <csignal>

#include "process/child_reaper.hpp"
#include "process/unique_fd.hpp"

namespace sm {

void end_leftover(pid_t pid, std::uint64_t start_time, std::chrono::milliseconds grace) {
  unique_fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Compared after the descriptor is there: what it refers to cannot change any more.
  if (!process || process_start_time(pid) != start_time) return;
  auto ended = [&](std::chrono::milliseconds patience) {
    pollfd watched{process.get(), POLLIN, 0};
    return ::poll(&watched, 1, static_cast<int>(patience.count())) > 0;
  };
  if (ended(grace)) return;
  signal_group(pid, SIGKILL);
  ended(std::chrono::milliseconds{1000});
}

}  // namespace sm
