#include "queue/cron.hpp"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "text/ascii.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using namespace std::string_view_literals;
using cctz::civil_day;
using cctz::civil_second;

constexpr int years_ahead = 9;  // 29 February may be eight years away

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto end = std::min(text.find_first_of(separators), text.size());
    if (end > 0 || separators == ","sv) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

struct field_rule {
  const char* name;
  int min, max;
  std::array<std::string_view, 12> names{};
  int first_name = 0;
};

constexpr field_rule second_rule{"second", 0, 59};
constexpr field_rule minute_rule{"minute", 0, 59};
constexpr field_rule hour_rule{"hour", 0, 23};
constexpr field_rule day_rule{"day of month", 1, 31};
constexpr field_rule month_rule{
    "month",
    1,
    12,
    {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"},
    1};
constexpr field_rule weekday_rule{
    "day of week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, 0};

std::optional<int> value_of(const field_rule& rule, std::string_view text) {
  if (auto value = parse_integer<int>(text, rule.min, rule.max)) return *value;
  for (std::size_t i = 0; i < rule.names.size(); ++i)
    if (!rule.names[i].empty() && rule.names[i] == text)
      return rule.first_name + static_cast<int>(i);
  return {};
}

result<std::vector<int>> values_of(const field_rule& rule, const std::string& text) {
  auto wrong = [&](const std::string& part) {
    return fail(errc::invalid_spec,
                in_quotes(part) + " is no " + rule.name + ": use " + std::to_string(rule.min) +
                    " to " + std::to_string(rule.max) + ", lists, ranges and steps",
                "cron");
  };
  std::vector<int> all;
  for (auto& part : split(text, ",")) {
    auto slash = part.find('/');
    auto range = part.substr(0, slash);
    int step = 1;
    if (slash != part.npos) {
      auto digits = std::string_view(part).substr(slash + 1);
      auto given = parse_integer<int>(digits, 1, rule.max - rule.min + 1);
      if (!given) return wrong(part);
      step = *given;
    }
    int from = rule.min, to = rule.max;
    if (range != "*") {
      auto dash = range.find('-');
      auto first = value_of(rule, std::string_view(range).substr(0, dash));
      if (!first) return wrong(part);
      from = *first;
      if (dash != range.npos) {
        auto last = value_of(rule, std::string_view(range).substr(dash + 1));
        if (!last || *last < from) return wrong(part);
        to = *last;
      } else if (slash == part.npos) {
        to = from;
      }
    }
    for (int v = from; v <= to; v += step) all.push_back(v);
  }
  if (all.empty()) return wrong(text);
  return all;
}

}  // namespace

bool valid_zone_name(std::string_view name) noexcept {
  auto part_begins = true;
  for (char c : name) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (part_begins && !letter) return false;  // no "/etc", "../", "//", ".hidden"
    part_begins = c == '/';
    bool inner = letter || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '/';
    if (!inner) return false;
  }
  return !name.empty() && name.size() <= 64 && !part_begins;
}

result<cron_line> cron_line::parse(const std::string& given, const std::string& zone) {
  auto text = lower_case(given);
  constexpr std::array<std::pair<std::string_view, const char*>, 7> words{
      {{"@yearly", "0 0 1 1 *"},
       {"@annually", "0 0 1 1 *"},
       {"@monthly", "0 0 1 * *"},
       {"@weekly", "0 0 * * 0"},
       {"@daily", "0 0 * * *"},
       {"@midnight", "0 0 * * *"},
       {"@hourly", "0 * * * *"}}};
  for (auto& [word, line] : words)
    if (text == word) text = line;
  auto fields = split(text, " \t");
  if (fields.size() == 5) fields.insert(fields.begin(), "0");
  if (fields.size() != 6)
    return fail(errc::invalid_spec,
                in_quotes(given) + " has " + std::to_string(fields.size()) +
                    " fields: write minute hour day month weekday, with six seconds first",
                "cron");
  cron_line line;
  result<void> outcome;
  auto read = [&](const field_rule& rule, const std::string& field, auto& bits) {
    auto values = values_of(rule, field);
    if (!values) {
      if (outcome) outcome = tl::unexpected<error>(values.error());
      return;
    }
    for (int v : *values) bits.set(static_cast<std::size_t>(v) % bits.size());
  };
  read(second_rule, fields[0], line.seconds_);
  read(minute_rule, fields[1], line.minutes_);
  read(hour_rule, fields[2], line.hours_);
  read(day_rule, fields[3], line.days_);
  read(month_rule, fields[4], line.months_);
  read(weekday_rule, fields[5], line.weekdays_);  // 7 is Sunday, too
  if (!outcome) return tl::unexpected<error>(outcome.error());
  line.any_day_ = fields[3].starts_with('*');
  line.any_weekday_ = fields[5].starts_with('*');
  line.zone_ = zone.empty() ? "UTC" : zone;
  cctz::time_zone loaded;
  // Any other text is a path to cctz, and it may be one of a pipe.
  if (!valid_zone_name(line.zone_) || !cctz::load_time_zone(line.zone_, &loaded))
    return fail(errc::invalid_spec,
                in_quotes(zone) + " is no time zone this host knows (see /usr/share/zoneinfo)",
                "timezone");
  auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  if (!line.next(now.count()))
    return fail(errc::invalid_spec, in_quotes(given) + " never fires", "cron");
  return line;
}

std::optional<std::int64_t> cron_line::next(std::int64_t unix_s) const {
  cctz::time_zone zone;
  cctz::load_time_zone(zone_, &zone);

  // The first matching civil time from `from` on.
  auto next_civil = [&](civil_second from) -> std::optional<civil_second> {
    auto last_year = from.year() + years_ahead;
    for (civil_day day(from); day.year() <= last_year;) {
      if (!months_[static_cast<std::size_t>(day.month())]) {
        day = civil_day(cctz::civil_month(day) + 1);
        continue;
      }
      bool by_day = days_[static_cast<std::size_t>(day.day())];
      bool by_weekday = weekdays_[(static_cast<std::size_t>(cctz::get_weekday(day)) + 1) % 7];
      bool fits = !any_day_ && !any_weekday_ ? by_day || by_weekday : by_day && by_weekday;
      if (fits) {
        auto start = day == civil_day(from) ? from : civil_second(day);
        for (auto t = start; civil_day(t) == day;) {
          if (!hours_[static_cast<std::size_t>(t.hour())])
            t = civil_second(cctz::civil_hour(t) + 1);
          else if (!minutes_[static_cast<std::size_t>(t.minute())])
            t = civil_second(cctz::civil_minute(t) + 1);
          else if (!seconds_[static_cast<std::size_t>(t.second())])
            ++t;
          else
            return t;
        }
      }
      ++day;
    }
    return {};
  };

  using point = cctz::time_point<cctz::seconds>;
  auto after = point(cctz::seconds(unix_s));
  if (hours_.all()) {
    // Evenly through changes of the clock: by the offset of each stretch between two of them.
    for (int changes = 0; changes < 4 * years_ahead; ++changes) {
      auto local = zone.lookup(after);
      auto found = next_civil(local.cs + 1);
      if (!found) return {};
      auto at = after + cctz::seconds(*found - local.cs);
      cctz::time_zone::civil_transition change;
      if (!zone.next_transition(after, &change)) return at.time_since_epoch().count();
      auto when = zone.lookup(change.to);
      auto changes_at = when.kind == cctz::time_zone::civil_lookup::UNIQUE ? when.pre : when.trans;
      if (at < changes_at) return at.time_since_epoch().count();
      // The second of the change itself belongs to the new stretch.
      auto there = zone.lookup(changes_at).cs;
      if (auto begin = next_civil(there); begin && *begin == there)
        return changes_at.time_since_epoch().count();
      after = changes_at;
    }
    return {};
  }
  for (auto from = zone.lookup(after).cs + 1;;) {
    auto found = next_civil(from);
    if (!found) return {};
    auto when = zone.lookup(*found);
    auto at = when.kind == cctz::time_zone::civil_lookup::SKIPPED ? when.trans : when.pre;
    if (at > after) return at.time_since_epoch().count();
    from = *found + 1;
  }
}

}  // namespace sm
