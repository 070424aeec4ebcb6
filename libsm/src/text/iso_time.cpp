#include "text/iso_time.hpp"

#include <ctime>

namespace sm {

void append_iso_time(std::string& out, std::chrono::system_clock::time_point when) {
  auto time = when.time_since_epoch();
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds).count();
  // Many lines are of the same second, and its date is what takes time.
  struct date {
    std::chrono::seconds of{-1};
    std::size_t size = 0;
    char text[32];
  };
  thread_local date last;
  if (last.of != seconds) {
    auto stamp = static_cast<std::time_t>(seconds.count());
    std::tm utc{};
    gmtime_r(&stamp, &utc);
    last.size = std::strftime(last.text, sizeof last.text, "%FT%T", &utc);
    last.of = seconds;
  }
  out.append(last.text, last.size);
  char fraction[9] = ".000000Z";
  for (int place = 6; place >= 1; --place, micros /= 10)
    fraction[place] = static_cast<char>('0' + micros % 10);
  out.append(fraction, 8);
}

std::string iso_time(std::chrono::system_clock::time_point when) {
  std::string text;
  append_iso_time(text, when);
  return text;
}

}  // namespace sm
