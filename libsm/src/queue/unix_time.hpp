// The clock of the queue's documents.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace sm {

/// Milliseconds since 1970.
inline std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// From `since_ms` until `now_ms`, 0 when that lies ahead. A stored time may be any number, whose
/// distance need not be one.
inline std::int64_t elapsed_ms(std::int64_t since_ms, std::int64_t now_ms) noexcept {
  if (since_ms >= now_ms) return 0;
  std::int64_t passed = 0;
  return __builtin_sub_overflow(now_ms, since_ms, &passed)
             ? std::numeric_limits<std::int64_t>::max()
             : passed;
}

}  // namespace sm
