// Decides whether and when an instance that ended is started again.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <sm/service_spec.hpp>
#include <string>
#include <variant>

#include "system/exit_status.hpp"

namespace sm {

using time_point = std::chrono::steady_clock::time_point;

/// What is remembered between two ends of one instance: the input of the decision below.
struct restart_history {
  unsigned failures_in_a_row = 0;     ///< since the last run of at least `reset_after`
  std::deque<time_point> restarts{};  ///< within the intensity window

  friend bool operator==(const restart_history&, const restart_history&) = default;
};

struct restart_after {
  std::chrono::milliseconds delay;
};
struct leave_exited {};
struct give_up {
  std::string reason;
};
using restart_decision = std::variant<restart_after, leave_exited, give_up>;

/// Whether an end counts as clean: with one of `success_exit_codes`, or by SIGTERM, SIGHUP, SIGINT
/// or SIGPIPE, as with systemd (systemd.service(5), SuccessExitStatus=): they ask a process to end,
/// and most heed them by dying. No status is a failure.
bool is_success(const service_spec& spec, const std::optional<exit_status>& status);

/// The pause before the n-th restart in a row, counted from 0: 0, min, min*factor, ... max.
/// `random` in [0,1) places it within the jitter: pause * (1 ± jitter).
std::chrono::milliseconds backoff_delay(const backoff_policy& policy, unsigned n, double random);

/// The decision after an end, and the history it leaves behind in `history`. `status` is empty when
/// the process could not even be spawned, which is a failure like any other. `ran_for` is the time
/// from ready to the end, nothing if it never became ready.
restart_decision decide_restart(const service_spec& spec, restart_history& history,
                                const std::optional<exit_status>& status,
                                std::optional<std::chrono::milliseconds> ran_for, time_point now,
                                double random);

}  // namespace sm
