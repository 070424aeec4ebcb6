#include "text/short_forms.hpp"

#include <fmt/format.h>

namespace sm {

std::string short_time(std::int64_t s) {
  if (s < 60) return fmt::format("{}s", s);
  if (s < 3600) return fmt::format("{}m{:02}s", s / 60, s % 60);
  if (s < 86'400) return fmt::format("{}h{:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d{:02}h", s / 86'400, s / 3600 % 24);
}

std::string short_size(double bytes) {
  const char* unit = "B";
  for (auto* next : {"K", "M", "G", "T"}) {
    if (bytes < 1024) break;
    bytes /= 1024;
    unit = next;
  }
  return *unit == 'B' || bytes >= 100 ? fmt::format("{:.0f}{}", bytes, unit)
                                      : fmt::format("{:.1f}{}", bytes, unit);
}

}  // namespace sm
