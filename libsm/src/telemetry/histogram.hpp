// How long things took, counted by upper bounds.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>

#include "telemetry/open_metrics.hpp"

namespace sm {

struct histogram_bound {
  double seconds;         ///< included
  std::string_view text;  ///< as OpenMetrics writes it
};

/// `Bounds` is an array of histogram_bound, in order; one more bucket has none.
template <const auto& Bounds>
struct histogram {
  static constexpr auto& bounds = Bounds;

  std::array<std::uint64_t, Bounds.size() + 1> counts{};
  double sum = 0;                                       ///< seconds
  std::array<exemplar, Bounds.size() + 1> exemplars{};  ///< of each bucket the last one

  void add(double seconds, const exemplar& seen = {}) noexcept {
    std::size_t place = 0;
    while (place < bounds.size() && seconds > bounds[place].seconds) ++place;
    ++counts[place];
    sum += seconds;
    if (seen.trace) exemplars[place] = seen;
  }
  std::uint64_t count() const noexcept {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  }
  histogram& operator+=(const histogram& other) noexcept {
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
    sum += other.sum;
    return *this;
  }

  /// The samples of `name`, which is declared as a histogram: its buckets, sum and count.
  void write(metric_page& page, std::string_view name, std::vector<metric_page::label> of) const {
    page.sample(std::string(name) + "_sum", of, sum);
    page.sample(std::string(name) + "_count", of, count());
    auto bucket = std::string(name) + "_bucket";
    std::uint64_t up_to = 0;
    of.emplace_back("le", "");
    for (std::size_t i = 0; i < counts.size(); ++i) {
      up_to += counts[i];
      of.back().second = i < bounds.size() ? bounds[i].text : "+Inf";
      page.sample(bucket, of, up_to, exemplars[i]);
    }
  }
};

/// What suits requests and commands.
inline constexpr std::array<histogram_bound, 14> request_bounds{{{0.0001, "0.0001"},
                                                                 {0.00025, "0.00025"},
                                                                 {0.0005, "0.0005"},
                                                                 {0.001, "0.001"},
                                                                 {0.0025, "0.0025"},
                                                                 {0.005, "0.005"},
                                                                 {0.01, "0.01"},
                                                                 {0.025, "0.025"},
                                                                 {0.1, "0.1"},
                                                                 {0.25, "0.25"},
                                                                 {1, "1.0"},
                                                                 {2.5, "2.5"},
                                                                 {10, "10.0"},
                                                                 {60, "60.0"}}};
using request_histogram = histogram<request_bounds>;

}  // namespace sm
