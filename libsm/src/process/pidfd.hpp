// A descriptor that names a process for good (pidfd_open(2)); it becomes readable when the process
// has ended.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "system/unique_fd.hpp"

namespace sm {

/// Empty when there is no such process, or no descriptor is left.
inline unique_fd open_pidfd(pid_t pid) {
  return unique_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace sm
