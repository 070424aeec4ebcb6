// How often something is said that may happen at any rate.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace sm {

/// Once a second, with the number of those kept silent.
class rate_limit {
 public:
  using clock = std::chrono::steady_clock;
  /// Nothing: keep silent. Else how many were kept silent since the last one that was not.
  std::optional<std::uint64_t> allow(clock::time_point now);

 private:
  std::optional<clock::time_point> last_;
  std::uint64_t silent_ = 0;
};

}  // namespace sm
