// Ends a process that an earlier manager started and did not live to stop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>

namespace sm {

/// Waits for `grace` for the process to end by itself (it does, without its manager), then kills
/// its group. Nothing happens when the pid belongs to another process by now. Blocks.
void end_leftover(pid_t pid, std::uint64_t start_time, std::chrono::milliseconds grace);

}  // namespace sm
