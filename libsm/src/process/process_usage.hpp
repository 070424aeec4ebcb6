// What a process uses, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace sm {

struct process_usage {
  double cpu_seconds = 0;          ///< user and system, since its start
  std::uint64_t memory_bytes = 0;  ///< resident
};

/// Nothing when the process is gone.
std::optional<process_usage> read_usage(pid_t pid);

}  // namespace sm
