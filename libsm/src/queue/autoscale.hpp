// How many consumer processes there shall be: by the age of the oldest job that waits. Grows while
// jobs wait too long, shrinks when none has waited for a while.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sm {

struct autoscale_policy {
  unsigned min = 0, max = 0;                    ///< processes
  std::chrono::milliseconds latency{2'000};     ///< a job that waits for longer calls for more
  std::chrono::milliseconds cool_down{30'000};  ///< without waiting jobs before there is one less
};

struct autoscale_state {
  std::chrono::steady_clock::time_point calm_since{};  ///< no job waits since then
  bool calm = false;
};

/// The number there shall be, given `now_there`, the age of the oldest job that waits (0: none) and
/// how many jobs run.
inline unsigned autoscale(const autoscale_policy& p, autoscale_state& s, unsigned now_there,
                          std::chrono::milliseconds oldest, std::uint64_t running,
                          std::chrono::steady_clock::time_point now) {
  auto wanted = std::clamp(now_there, p.min, p.max);
  if (oldest.count() > 0) {
    s.calm = false;
    if (wanted == 0) return std::min(1U, p.max);
    // Doubling reaches any number in a few steps.
    if (oldest > p.latency) return std::min(wanted * 2, p.max);
    return wanted;
  }
  if (!s.calm) {
    s.calm = true;
    s.calm_since = now;
  }
  if (now - s.calm_since < p.cool_down || wanted <= p.min) return wanted;
  // Who is stopped hands back what it has not finished, and nobody knows who is at work.
  if (running > 0) return wanted;
  s.calm_since = now;
  return wanted - 1;
}

}  // namespace sm
