// The pause before a failed job is tried again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sm/job.hpp>

namespace sm {

/// The pause after the failed attempt number `failures` (from 1). `chance`, 0 to 1, places it
/// within the jitter: many jobs that failed together do not come back together.
inline std::chrono::milliseconds retry_pause(const retry_policy& policy, unsigned failures,
                                             double chance) {
  auto pause = static_cast<double>(policy.min.count()) *
               std::pow(policy.factor, static_cast<double>(failures) - 1);
  pause = std::min(pause, static_cast<double>(policy.max.count()));
  pause *= 1 + policy.jitter * (2 * chance - 1);
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::max(pause, 0.0)));
}

/// Whether a job that has failed `failures` times, the last one included, is tried again.
inline bool tried_again(const retry_policy& policy, unsigned failures) noexcept {
  return failures < policy.max_attempts;
}

}  // namespace sm
