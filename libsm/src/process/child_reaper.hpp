// The one place that collects ended child processes. Nothing else in the manager waits for a pid,
// so a pid that was not collected yet is never somebody else's.
#pragma once

#include <sys/types.h>

#include <functional>

#include "service/exit_status.hpp"

namespace sm {

/// Calls `ended` for each child that has ended, then collects it: its process group can still be
/// signalled safely during the call.
void reap_children(const std::function<void(pid_t, const exit_status&)>& ended);

/// Sends `number` to the process group led by `leader`. False when there is none.
bool signal_group(pid_t leader, int number) noexcept;

/// A process's start time in clock ticks since boot, 0 when it does not exist: with the pid it
/// names a process for good.
std::uint64_t process_start_time(pid_t pid);

/// This boot of this kernel.
const std::string& boot_id();

}  // namespace sm
