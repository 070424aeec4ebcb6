// Forks from a thread of its own, so that the kernel keeps apart what a subreaper otherwise cannot
// tell: a process is the child of the thread that forked it, and what was orphaned below becomes a
// child of the main thread (kernel/exit.c, find_new_reaper). So one wait for the main thread's own
// children tells whether there is an orphan at all.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace sm {

class forker {
 public:
  /// Makes the thread, with the present signal mask.
  forker();
  ~forker();
  forker(const forker&) = delete;
  forker& operator=(const forker&) = delete;

  /// fork(2): in the child calls `child`, in the only thread there, and ends the process when that
  /// returns; -1 with errno set. The caller does nothing meanwhile, so no lock is held over it.
  pid_t fork(std::function<void()> child);

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> child_;  // set: to be forked
  bool over_ = false;
  pid_t pid_ = -1;
  int reason_ = 0;
  std::thread thread_;  // last: it uses the others
};

/// Collects those of the calling thread's own children that have ended; true when others live.
/// Called in the main thread of a process that makes its children by a `forker`, it is about
/// orphans alone.
bool collect_orphans() noexcept;

}  // namespace sm
