// Time in which this process had no processor: a paused container or virtual machine, SIGSTOP.
#pragma once

#include <chrono>

namespace sm {

/// More than a busy machine lets anybody wait.
inline constexpr std::chrono::milliseconds late_beyond_load{1000};

/// How late it is for what was due, when that is more than load explains; else nothing. Whoever
/// judges others by a deadline leaves it out: they most likely had no time either.
constexpr std::chrono::milliseconds lost_time(std::chrono::steady_clock::time_point due,
                                              std::chrono::steady_clock::time_point now) {
  auto late = std::chrono::floor<std::chrono::milliseconds>(now - due);
  return late > late_beyond_load ? late : std::chrono::milliseconds{0};
}

}  // namespace sm
