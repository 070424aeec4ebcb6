// Lets go of processes that ended, and ends those that belong to nobody. Runs in the loop alone.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "link/loop.hpp"
#include "manager/fork_client.hpp"
#include "manager/process_table.hpp"

namespace sm {

class reaper {
 public:
  reaper(loop& l, process_maker& forks, const process_table& known)
      : loop_(l), forks_(forks), known_(known), timer_(l.context()) {}

  /// Lets go of a process that ended, or ends it; `gone` is called when nothing is left of its
  /// tree.
  void forget(pid_t pid, const std::string& instance = {}, std::function<void()> gone = {});

  /// Ends what turned up as a child of ours and belongs to nobody. A fork server does that for what
  /// it started; this is for when one was killed.
  void end_orphans();
  /// What ended as our own child may have left something.
  bool busy() const noexcept { return !ended_.empty(); }

 private:
  loop& loop_;
  process_maker& forks_;
  const process_table& known_;
  asio::steady_timer timer_;
  std::vector<pid_t> ended_;  // as our own children, and what they started may live
};

}  // namespace sm
