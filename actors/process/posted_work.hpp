// Work that other threads hand to the service's actor.
#pragma once

#include <functional>
#include <mutex>
#include <sm/guarded.hpp>
#include <thread>
#include <vector>

#include "link/caf.hpp"
#include "link/messages.hpp"

namespace sm {

class posted_work {
 public:
  /// Made in the actor's thread. The actor calls `run` for each `wire::run_posted`.
  explicit posted_work(caf::io::broker* self) : self_(self) {}

  /// Runs `f` in the actor's thread: now when called there, as blocking commands are not.
  void in_actor(std::function<void()> f) {
    if (std::this_thread::get_id() == thread_)
      f();
    else
      post(std::move(f));
  }

  void post(std::function<void()> f) {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      first = waiting_.empty();
      waiting_.push_back(std::move(f));
    }
    if (first) tell(caf::actor_cast<caf::actor>(self_->ctrl()), wire::run_posted{});
  }

  void run() {
    std::vector<std::function<void()>> todo;
    {
      std::lock_guard lock(mutex_);
      todo.swap(waiting_);
    }
    for (auto& f : todo) (void)guarded("what another thread posted", f);
  }

 private:
  caf::io::broker* const self_;
  const std::thread::id thread_ = std::this_thread::get_id();
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace sm
