// A thread of a consumer that performs jobs, one after the other.
#pragma once

#include <mutex>
#include <optional>

#include "queue/consumer/consumer_shared.hpp"
#include "queue/consumer/perform.hpp"

namespace sm {

/// What it has in hand outlasts an exception, such as that memory ran out: `run` called again takes
/// the step again that failed, and performs no job twice.
class slot {
 public:
  explicit slot(std::shared_ptr<consumer_shared> shared) : shared_(std::move(shared)) {}

  /// Until the consumer stops and nothing is ready.
  void run();

 private:
  using clock = consumer_shared::clock;
  using lock_type = std::unique_lock<std::mutex>;

  /// False when there will be no more.
  bool take(lock_type& lock);
  void perform(lock_type& lock);
  void hand_in(lock_type& lock);

  const std::shared_ptr<consumer_shared> shared_;
  consumer_shared::entry_ptr entry_;
  std::optional<performance> performed_;
  clock::duration took_{};
};

}  // namespace sm
