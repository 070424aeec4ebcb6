// How many jobs a consumer claims beyond its free slots: none while jobs take long, more the
// shorter they are, so that one round trip to the store serves many. What a crash delays stays
// short.
#pragma once

#include <algorithm>
#include <chrono>

namespace sm {

class prefetch {
 public:
  static constexpr double ahead_ms = 20;  ///< of work that waits in the consumer, at most
  static constexpr unsigned most = 200;   ///< jobs for each slot

  /// A job took so long.
  void took(std::chrono::nanoseconds duration) noexcept {
    auto ms = std::chrono::duration<double, std::milli>(duration).count();
    // Quick to see that jobs became long, slow to believe that they became short.
    average_ms_ += (ms - average_ms_) * (ms > average_ms_ ? 0.5 : 0.1);
  }

  /// For `slots` jobs at a time.
  unsigned beyond(unsigned slots) const noexcept {
    auto each = std::min(ahead_ms / std::max(average_ms_, 1e-3), double{most});
    return each < 1 ? 0 : static_cast<unsigned>(each) * std::min(slots, 4U);
  }

 private:
  double average_ms_ = ahead_ms;  // until it is known: nearly none
};

}  // namespace sm
