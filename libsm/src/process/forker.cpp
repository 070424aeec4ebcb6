#include "process/forker.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace sm {

forker::forker() : thread_([this] { work(); }) {}

forker::~forker() {
  {
    std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

pid_t forker::fork(std::function<void()> child) {
  std::unique_lock lock(mutex_);
  child_ = std::move(child);
  changed_.notify_all();
  changed_.wait(lock, [this] { return !child_; });
  errno = reason_;
  return pid_;
}

void forker::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return over_ || child_; });
    if (over_) return;
    pid_ = ::fork();
    reason_ = errno;
    if (pid_ == 0) {
      child_();
      ::_exit(0);
    }
    child_ = nullptr;
    changed_.notify_all();
  }
}

bool collect_orphans() noexcept {
  for (;;) {
    auto pid = ::waitpid(-1, nullptr, WNOHANG | __WNOTHREAD);
    if (pid == 0) return true;
    if (pid < 0 && errno != EINTR) return false;
  }
}

}  // namespace sm
