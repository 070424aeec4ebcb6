// Time that is left until a deadline, as poll(2) wants it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sm {

/// Whole milliseconds, rounded up; 0 when it is over.
inline int left_ms(std::chrono::steady_clock::time_point deadline) {
  auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
}

}  // namespace sm
