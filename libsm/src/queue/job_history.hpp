// What became of jobs in the last hour, step by step: what plots show. Made from counters that only
// grow, and from what waits at the end of each step.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <sm/json.hpp>

#include "queue/job_tallies.hpp"

namespace sm {

class job_history {
 public:
  static constexpr std::size_t steps = 180;
  static constexpr std::int64_t step_s = 20;

  /// What waits now, over all queues.
  struct depth {
    std::uint64_t ready = 0;
    double latency_s = 0;  ///< of what has waited for the longest time
  };

  /// A step ends: `all` are the counts since the manager came. Counts that became smaller, of a
  /// process that was adopted late, say, count as none.
  void add(const job_tally& all, const depth& waiting, std::int64_t now_ms);
  /// {"step_s", "until_ms", "done", "failed", "took_s", "ready", "latency_s"}: lists, the oldest
  /// first, of `steps` numbers at most.
  json document() const;

 private:
  struct sample {
    std::uint32_t done = 0, failed = 0, ready = 0;
    float took_s = 0, latency_s = 0;
  };

  std::array<sample, steps> ring_{};
  std::size_t count_ = 0, next_ = 0;
  std::int64_t until_ms_ = 0;
  std::optional<job_tally> before_;
};

}  // namespace sm
