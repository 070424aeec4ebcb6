// The timers of a service. In the actor's thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <unordered_map>

#include "link/caf.hpp"

namespace sm {

class timers {
 public:
  /// The actor hands each `wire::timer_tick` with an id over 0 to `on_tick`.
  explicit timers(caf::io::broker* self) : self_(self) {}

  void add(std::chrono::milliseconds delay, bool repeats, std::function<void()> f);
  /// Runs what is due; `whose` is for the log, if it throws.
  void on_tick(std::uint64_t id, const std::string& whose);
  void clear() { timers_.clear(); }

 private:
  struct timer {
    std::chrono::milliseconds period;
    bool repeats = false;
    std::chrono::steady_clock::time_point due;
    std::function<void()> run;
  };

  caf::io::broker* const self_;
  std::unordered_map<std::uint64_t, timer> timers_;
  std::uint64_t next_id_ = 1;
};

}  // namespace sm
