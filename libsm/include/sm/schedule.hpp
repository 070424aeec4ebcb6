// Jobs that recur by a cron line.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sm/json.hpp>
#include <string>

namespace sm {

struct schedule_spec {
  /// What becomes of times at which no clock ran: nothing, or one job for all of them.
  enum class missed_times { skip, once };

  std::string name{};  ///< letters, digits, `_`, `-` and `.`
  /// "minute hour day month weekday", with six fields seconds come first; or "@hourly", "@daily"...
  std::string cron{};
  std::string timezone = "UTC";  ///< a name of the tz database
  std::string type{};            ///< the job's type
  json argument = nullptr;
  std::string queue = "default";
  missed_times missed = missed_times::skip;
  bool overlap = true;  ///< false: not while the job of an earlier time waits or runs
  bool enabled = true;

  friend bool operator==(const schedule_spec&, const schedule_spec&) = default;
};

}  // namespace sm
