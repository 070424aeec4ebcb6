#include "text/iso_time.hpp"

#include <fmt/format.h>

#include <ctime>

namespace sm {

std::string iso_time(std::chrono::system_clock::time_point when) {
  auto time = when.time_since_epoch();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
  auto stamp = static_cast<std::time_t>(seconds.count());
  std::tm utc{};
  gmtime_r(&stamp, &utc);
  char date[32];
  std::strftime(date, sizeof date, "%FT%T", &utc);
  return fmt::format("{}.{:06}Z", date, micros);
}

}  // namespace sm
