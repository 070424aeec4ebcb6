// Cron lines: minute, hour, day of month, month, day of week; with six fields seconds come first.
// Lists, ranges, steps, names (mon, jan), @hourly, @daily, @weekly, @monthly, @yearly. As with
// Vixie's cron, a day matches by either of the two day fields when both are restricted. Summer
// time: a local time that does not exist comes at the change of the clock itself, one that exists
// twice comes the first time, and lines for every hour follow the clock on the wall (cctz's
// `convert`, not `parse`, which goes on counting through the gap).
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <sm/error.hpp>
#include <string>
#include <string_view>

namespace sm {

/// Whether `name` is written like one of the tz database: parts of letters, digits, '_', '-' and
/// '+' that begin with a letter. What else cctz takes for a path is none.
bool valid_zone_name(std::string_view name) noexcept;

class cron_line {
 public:
  /// `zone` is a name of the tz database ("Europe/Berlin"); "" is UTC. Fails with `invalid_spec`
  /// and the field at fault; also when the line never fires, such as on 30 February. Reads the
  /// zone's file: not for an event loop.
  static result<cron_line> parse(const std::string& text, const std::string& zone = {});

  /// The first time after `unix_s` in Unix seconds; nothing within the next nine years is nothing.
  std::optional<std::int64_t> next(std::int64_t unix_s) const;

 private:
  std::bitset<60> seconds_, minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;  // 0 is Sunday
  bool any_day_ = true, any_weekday_ = true;
  std::string zone_;
};

}  // namespace sm
