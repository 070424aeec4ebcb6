// How many jobs ended in which way and how long they took, by queue and type. Each consumer process
// counts its own from its start; the manager adds them up for /metrics.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "queue/job_store.hpp"
#include "telemetry/histogram.hpp"

namespace sm {

inline constexpr std::array<histogram_bound, 11> job_bounds{{{0.001, "0.001"},
                                                             {0.005, "0.005"},
                                                             {0.025, "0.025"},
                                                             {0.1, "0.1"},
                                                             {0.5, "0.5"},
                                                             {1, "1.0"},
                                                             {5, "5.0"},
                                                             {15, "15.0"},
                                                             {60, "60.0"},
                                                             {300, "300.0"},
                                                             {1800, "1800.0"}}};

/// One kind of jobs. Only ever grows.
struct job_tally {
  /// In the order of `outcomes`.
  static constexpr std::array<std::string_view, 5> outcomes{"done", "retried", "dead", "cancelled",
                                                            "crashed"};

  std::array<std::uint64_t, outcomes.size()> ended{};
  histogram<job_bounds> took{};

  job_tally& operator+=(const job_tally& other) noexcept;
};

class job_tallies {
 public:
  /// Queues and types beyond so many pairs are counted together, as "other".
  static constexpr std::size_t pairs_max = 1000;

  /// `returned` does not count: nothing has ended.
  void add(std::string_view queue, std::string_view type, job_outcome::kind how, double seconds);
  void add(const job_tallies& others);
  /// All queues and types together.
  job_tally sum() const noexcept;

  /// The families sm_jobs and sm_job_duration_seconds.
  void write(metric_page& page) const;

  std::string encode() const;
  /// `bad_arguments` for what `encode` did not write.
  static result<job_tallies> decode(const std::string& text);

 private:
  /// By queue and type; finds without making strings.
  struct in_order {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      using names = std::pair<std::string_view, std::string_view>;
      return names(a.first, a.second) < names(b.first, b.second);
    }
  };

  job_tally& at(std::string_view queue, std::string_view type);

  std::map<std::pair<std::string, std::string>, job_tally, in_order> tallies_;
};

/// The sum over all consumer processes, those that are gone included. A process tells all it has
/// counted each time, so that a lost message costs nothing.
class tally_board {
 public:
  void put(std::uint64_t process, job_tallies all) { live_[process] = std::move(all); }
  void end(std::uint64_t process);
  job_tallies sum() const;

 private:
  std::unordered_map<std::uint64_t, job_tallies> live_;
  job_tallies ended_;
};

}  // namespace sm
