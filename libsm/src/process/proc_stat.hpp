// What the kernel tells of a process in /proc/PID/stat: proc(5).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "system/exit_status.hpp"

namespace sm {

struct proc_stat {
  pid_t pid = 0;
  char state = '?';  ///< 'Z' is a process that ended and was not collected yet
  pid_t parent = 0;
  pid_t group = 0;
  pid_t session = 0;
  double cpu_seconds = 0;  ///< user and system, since its start
  /// Clock ticks since boot: with the pid it names a process for good.
  std::uint64_t start_time = 0;
  std::uint64_t memory_bytes = 0;  ///< resident
  unsigned threads = 0;
  int wait_status = 0;  ///< as waitpid(2) gives it; only in state 'Z'
};

/// Nothing when there is no such process.
std::optional<proc_stat> read_proc_stat(pid_t pid);
/// What `text`, the file's content, says; nothing when it is none.
std::optional<proc_stat> parse_proc_stat(pid_t pid, std::string_view text);

/// Who traces the process (a debugger, strace); 0 for nobody.
pid_t tracer_of(pid_t pid);

/// Every process of this pid namespace.
std::vector<proc_stat> list_processes();

/// A process's start time, 0 when it does not exist.
std::uint64_t process_start_time(pid_t pid);

/// Whether a process can be said to exist. Who has no descriptor left cannot tell.
enum class presence { there, gone, unknown };
presence look_for(pid_t pid, std::uint64_t start_time);
/// Whatever process has the pid, and when it started.
presence look_at(pid_t pid, std::uint64_t& start_time);

/// How the process ended, if it is still to be collected; `vanished` otherwise.
exit_status read_exit_status(pid_t pid);

/// This boot of this kernel.
const std::string& boot_id();
/// This boot, and in a container this run of it: what was put into /run or /tmp is there still.
const std::string& system_run();

}  // namespace sm
