#include "queue/resque_time.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>
#include <optional>

#include "text/ascii.hpp"

namespace sm {
namespace {

struct zone {
  std::string_view name;
  int minutes;
};
// An abbreviation stands for several zones at times: then it is the one that Ruby's DateTime takes.
constexpr std::array zones{
    zone{"UTC", 0},    zone{"GMT", 0},     zone{"Z", 0},       zone{"UT", 0},     zone{"WET", 0},
    zone{"WEST", 60},  zone{"BST", 60},    zone{"CET", 60},    zone{"MET", 60},   zone{"CEST", 120},
    zone{"MEST", 120}, zone{"EET", 120},   zone{"SAST", 120},  zone{"EEST", 180}, zone{"MSK", 180},
    zone{"IST", 330},  zone{"WIB", 420},   zone{"HKT", 480},   zone{"AWST", 480}, zone{"JST", 540},
    zone{"KST", 540},  zone{"ACST", 570},  zone{"AEST", 600},  zone{"ACDT", 630}, zone{"AEDT", 660},
    zone{"NZST", 720}, zone{"NZDT", 780},  zone{"ART", -180},  zone{"BRT", -180}, zone{"NST", -210},
    zone{"NDT", -150}, zone{"AST", -240},  zone{"ADT", -180},  zone{"EST", -300}, zone{"EDT", -240},
    zone{"CST", -360}, zone{"CDT", -300},  zone{"MST", -420},  zone{"MDT", -360}, zone{"PST", -480},
    zone{"PDT", -420}, zone{"AKST", -540}, zone{"AKDT", -480}, zone{"HST", -600}};

constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                  "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekdays{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Where `word` stands in `names` by its first three letters, whatever its case; -1 when nowhere.
template <std::size_t N>
int index_in(const std::array<std::string_view, N>& names, std::string_view word) {
  if (word.size() < 3) return -1;
  auto same = [&](std::string_view name) {
    for (std::size_t i = 0; i < 3; ++i)
      if (lower_case(word[i]) != name[i]) return false;
    return true;
  };
  auto found = std::find_if(names.begin(), names.end(), same);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

/// Reads the parts of a date in whatever order they stand.
class date_reader {
 public:
  explicit date_reader(std::string_view text) : rest_(text) {}

  std::int64_t read() {
    while (!rest_.empty()) {
      if (auto c = rest_.front(); c == '(')
        break;  // JavaScript's name of the zone
      else if (c == ' ' || c == ',')
        rest_.remove_prefix(1);
      else if (!(is_letter(c)  ? take_word()
                 : is_digit(c) ? take_number()
                               : has_time_ && (c == '+' || c == '-') && take_offset()))
        return 0;
    }
    return has_time_ ? result() : 0;
  }

 private:
  std::string_view take_while(bool (*f)(char)) {
    auto end = std::find_if_not(rest_.begin(), rest_.end(), f);
    auto size = static_cast<std::size_t>(end - rest_.begin());
    auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::optional<int> digits(std::size_t at_least, std::size_t at_most) {
    auto taken = take_while(is_digit);
    if (taken.size() < at_least || taken.size() > at_most) return {};
    int value = 0;
    std::from_chars(taken.data(), taken.data() + taken.size(), value);
    return value;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_word() {
    auto word = take_while(is_letter);
    if (word == "T" && day_ != 0 && !has_time_) return !rest_.empty();
    if (has_time_ && !has_zone_)
      if (auto found =
              std::find_if(zones.begin(), zones.end(), [&](auto& z) { return z.name == word; });
          found != zones.end()) {
        zone_minutes_ = found->minutes;
        has_zone_ = true;
        if (rest_.starts_with('+') || rest_.starts_with('-')) {  // "GMT+0100"
          has_zone_ = false;
          return found->minutes == 0;
        }
        return true;
      }
    if (auto month = index_in(months, word); month >= 0 && month_ == 0) {
      month_ = month + 1;
      return true;
    }
    return index_in(weekdays, word) >= 0 && !has_time_;
  }

  /// A year, a day, a whole date "2020-11-28", or a time "16:53:41.25".
  bool take_number() {
    auto first = digits(1, 4);
    if (!first) return false;
    if (rest_.starts_with(':')) return !has_time_ && take_time(*first);
    for (char separator : {'-', '/'})
      if (rest_.starts_with(separator) && year_ == 0 && month_ == 0) {
        take(separator);
        auto month = digits(1, 2);
        if (!month || !take(separator)) return false;
        auto day = digits(1, 2);
        year_ = *first;
        month_ = *month;
        day_ = day.value_or(0);
        return day.has_value();
      }
    if (*first > 31 && year_ == 0) {
      year_ = *first;
      return true;
    }
    if (day_ != 0) return false;
    day_ = *first;
    return true;
  }

  bool take_time(int hour) {
    take(':');
    auto minute = digits(2, 2);
    if (!minute) return false;
    int second = 0;
    if (take(':')) {
      auto taken = digits(2, 2);
      if (!taken) return false;
      second = *taken;
    }
    if (take('.') || take(',')) {
      auto fraction = take_while(is_digit);
      for (std::size_t i = 0; i < 3; ++i)
        milliseconds_ = milliseconds_ * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
    }
    has_time_ = hour <= 23 && *minute <= 59 && second <= 60;
    seconds_ = (hour * 60 + *minute) * 60 + second;
    return has_time_;
  }

  bool take_offset() {
    if (has_zone_) return false;
    int sign = rest_.front() == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    auto number = digits(2, 4);
    if (!number) return false;
    int minutes = *number > 99 ? *number / 100 * 60 + *number % 100 : *number * 60;
    if (take(':')) {
      auto more = digits(2, 2);
      if (!more) return false;
      minutes += *more;
    }
    zone_minutes_ = sign * minutes;
    has_zone_ = true;
    return minutes <= 14 * 60;
  }

  std::int64_t result() const {
    namespace c = std::chrono;
    c::year_month_day date{c::year(year_), c::month(static_cast<unsigned>(month_)),
                           c::day(static_cast<unsigned>(day_))};
    if (year_ < 1970 || !date.ok()) return 0;
    std::int64_t day = c::sys_days(date).time_since_epoch().count();
    return (day * 86'400 + seconds_ - std::int64_t{zone_minutes_} * 60) * 1000 + milliseconds_;
  }

  std::string_view rest_;
  int year_ = 0, month_ = 0, day_ = 0, seconds_ = 0, milliseconds_ = 0, zone_minutes_ = 0;
  bool has_time_ = false, has_zone_ = false;
};

}  // namespace

std::string resque_time(std::int64_t unix_ms) {
  auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::int64_t parse_resque_time(std::string_view text) { return date_reader(text).read(); }

}  // namespace sm
