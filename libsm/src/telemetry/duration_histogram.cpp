#include "telemetry/duration_histogram.hpp"

#include <numeric>

namespace sm {

std::uint64_t duration_histogram::count() const noexcept {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

duration_histogram& duration_histogram::operator+=(const duration_histogram& other) noexcept {
  for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum += other.sum;
  return *this;
}

void write_histogram(metric_page& page, std::string_view name, const metric_page::label& first,
                     const metric_page::label& second, const duration_histogram& h) {
  auto bucket = std::string(name) + "_bucket";
  std::uint64_t up_to = 0;
  for (std::size_t i = 0; i < h.bounds.size(); ++i) {
    up_to += h.counts[i];
    page.sample(bucket, {first, second, {"le", h.bounds[i].text}}, up_to);
  }
  up_to += h.counts.back();
  page.sample(bucket, {first, second, {"le", "+Inf"}}, up_to);
  page.sample(std::string(name) + "_sum", {first, second}, h.sum);
  page.sample(std::string(name) + "_count", {first, second}, up_to);
}

}  // namespace sm
