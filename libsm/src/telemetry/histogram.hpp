// How long things took, counted by bounds that suit requests and commands.
#pragma once

#include <array>
#include <cstdint>

#include "telemetry/open_metrics.hpp"

namespace sm {

struct duration_histogram {
  struct bound {
    double seconds;
    std::string_view text;  ///< as OpenMetrics writes it
  };
  /// Upper bounds, included; one more bucket has none.
  static constexpr std::array<bound, 14> bounds{{{0.0001, "0.0001"},
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

  std::array<std::uint64_t, bounds.size() + 1> counts{};
  double sum = 0;  ///< seconds

  void add(double seconds) noexcept {
    std::size_t place = 0;
    while (place < bounds.size() && seconds > bounds[place].seconds) ++place;
    ++counts[place];
    sum += seconds;
  }
  std::uint64_t count() const noexcept;
  duration_histogram& operator+=(const duration_histogram& other) noexcept;
};

/// The samples of `name`, which is declared as a histogram: its buckets, sum and count.
void write_histogram(metric_page& page, std::string_view name, const metric_page::label& first,
                     const metric_page::label& second, const duration_histogram& h);

}  // namespace sm
