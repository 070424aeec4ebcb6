// Recurring jobs: what fires when, and what is made of times that were missed.
#pragma once

#include <optional>
#include <sm/schedule.hpp>

#include "queue/job_store.hpp"

namespace sm {

json to_json(const schedule_spec& s);
/// Fails with `invalid_spec` and the field at fault; unknown fields are refused.
result<schedule_spec> schedule_from_json(const json& document);
/// What a stored schedule says, without who declared it.
result<schedule_spec> schedule_in(const stored_schedule& stored);
/// Checks name, queue, cron line and time zone.
result<void> validate(const schedule_spec& s);

/// What the clock does about a schedule at `now_ms`.
struct schedule_step {
  bool fire = false;      ///< put its job into the queue
  bool note = false;      ///< note `for_ms` as the last time
  bool set_back = false;  ///< the last time lay ahead: the clock was set back, it goes on from now
  std::int64_t for_ms = 0;   ///< the time it is for
  std::int64_t next_ms = 0;  ///< when to look again; 0: never
};

/// `last_ms` is the time it fired for last; a schedule that never did (0) begins now. A time is
/// missed when it is over for more than `schedule_late`: nobody's clock ran. A last time that is
/// more than `schedule_ahead` ahead counts as now.
schedule_step step(const schedule_spec& s, std::int64_t last_ms, std::int64_t now_ms);

inline constexpr std::chrono::milliseconds schedule_late{5'000};
/// The clocks of several hosts differ: a time that another one fired for must not come twice.
inline constexpr std::chrono::milliseconds schedule_ahead{10'000};

/// The job of a schedule.
new_job job_of(const schedule_spec& s, std::int64_t now_ms);

}  // namespace sm
