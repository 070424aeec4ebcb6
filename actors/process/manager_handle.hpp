// The manager, as a service's process speaks to it; none while it is away.
#pragma once

#include <mutex>

#include "link/caf.hpp"

namespace sm {

class manager_handle {
 public:
  /// In the actor's thread, as all but `tell_from_any_thread`.
  void set(caf::actor manager) {
    actor_ = std::move(manager);
    std::lock_guard lock(mutex_);
    for_all_ = actor_;
  }
  explicit operator bool() const noexcept { return static_cast<bool>(actor_); }
  const caf::actor& actor() const noexcept { return actor_; }

  /// What is said while there is none is lost.
  template <class Message>
  void tell(Message message) {
    if (actor_) sm::tell(actor_, std::move(message));
  }
  template <class Message>
  void tell_from_any_thread(Message message) {
    std::lock_guard lock(mutex_);
    if (for_all_) sm::tell(for_all_, std::move(message));
  }

 private:
  caf::actor actor_;
  std::mutex mutex_;
  caf::actor for_all_;
};

}  // namespace sm
