// A queue's limits of concurrency and rate (a token bucket), as both stores keep them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <sm/job.hpp>

#include "queue/unix_time.hpp"

namespace sm {

/// The tokens a bucket has at `now_ms`, which had `tokens` at `at_ms`; 0 ms: it was never used, and
/// is full. A clock that was set back gives nothing, and takes nothing.
inline double tokens_now(const queue_limits& limits, double tokens, std::int64_t at_ms,
                         std::int64_t now_ms) {
  double rate = limits.rate;
  if (at_ms == 0) return rate;
  auto passed = static_cast<double>(elapsed_ms(at_ms, now_ms));
  return std::clamp(tokens + passed * rate / static_cast<double>(limits.period.count()), 0.0, rate);
}

/// Whether its limits are what a queue waits for, while `running` jobs run. A bucket that is half
/// full is not: it fills when too few consume.
inline bool is_at_limit(const queue_limits& limits, std::uint64_t running, double tokens,
                        std::int64_t at_ms, std::int64_t now_ms) {
  if (limits.concurrency > 0 && running >= limits.concurrency) return true;
  return limits.rate > 0 &&
         tokens_now(limits, tokens, at_ms, now_ms) < std::max(1.0, limits.rate / 2.0);
}

}  // namespace sm
