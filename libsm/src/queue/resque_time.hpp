// Dates as Resque and its kin write them, in all the forms that stand in `failed`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sm {

/// "2026-11-25T16:20:00Z", as Ruby's Resque writes `run_at`.
std::string resque_time(std::int64_t unix_ms);

/// Unix milliseconds of a date with its time of day, or 0 for what is none, or names a zone that is
/// not known here. Read are ISO 8601 (php-resque 1.3, Ruby's run_at), "2020/11/28 16:53:41 CET"
/// (Ruby), "Sat Nov 28 16:53:41 CET 2020" (php-resque 1.2, date(1)), RFC 5322's, and "Sat Nov 28
/// 2020 16:53:41 GMT+0100 (...)" (JavaScript's Date, node-resque); zones as offsets or as the
/// abbreviations that Ruby's DateTime knows too. Without a zone it is UTC.
std::int64_t parse_resque_time(std::string_view text);

}  // namespace sm
