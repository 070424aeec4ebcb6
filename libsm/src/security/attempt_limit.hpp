// How many wrong secrets are answered as such: whoever guesses is told to wait.
#pragma once

#include <algorithm>
#include <chrono>

namespace sm {

/// A bucket of `burst` attempts that `per_second` flow back into.
class attempt_limit {
 public:
  using clock = std::chrono::steady_clock;

  /// One has failed. False when it was one too many.
  bool allow(clock::time_point now) noexcept {
    std::chrono::duration<double> since = now - last_;
    left_ = std::min(burst, left_ + since.count() * per_second);
    last_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

  static constexpr double burst = 20, per_second = 5;

 private:
  double left_ = burst;
  clock::time_point last_{};
};

}  // namespace sm
