// Ends whole trees of processes. A process with PR_SET_CHILD_SUBREAPER becomes the parent of every
// descendant that lost its own: so what an ended instance leaves behind, daemons included, turns up
// as a child that nobody knows.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace sm {

/// Kills every child of this process in a session other than `own_session` that `known` does not
/// claim, with all its descendants, and collects those that have ended. (What this process starts
/// for itself is in its own session.) Returns those that were killed: they, and what they started
/// meanwhile, turn up again as children, so call again until there are none.
std::vector<pid_t> end_unknown_children(pid_t own_session, const std::function<bool(pid_t)>& known);

/// Our children that have ended and were not waited for.
std::vector<pid_t> ended_children();

/// Sends `number` to the process group led by `leader`. False when there is none.
bool signal_group(pid_t leader, int number) noexcept;

/// Every process under `root`, zombies left out.
std::vector<pid_t> descendants_of(pid_t root);

/// Whether `pid` is under `ancestor`, as the kernel has it just now.
bool descends_from(pid_t pid, pid_t ancestor);

/// What a process and all its descendants use.
struct usage_of_tree {
  std::uint64_t memory = 0;  ///< resident, in bytes; shared pages count for each
  unsigned tasks = 0;        ///< processes and threads
};

/// For each of `roots`.
std::vector<usage_of_tree> tree_usage(const std::vector<pid_t>& roots);

}  // namespace sm
