#include "service/restart_history.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>

#include "text/units.hpp"

namespace sm {
namespace {

bool is_one_of(int number, const std::vector<int>& list) {
  return std::find(list.begin(), list.end(), number) != list.end();
}

}  // namespace

bool is_success(const service_spec& spec, const std::optional<exit_status>& status) {
  if (!status) return false;
  if (auto* killed = std::get_if<killed_by>(&*status))
    return is_one_of(killed->number, {SIGTERM, SIGHUP, SIGINT, SIGPIPE});
  auto* e = std::get_if<exited_with>(&*status);
  return e && is_one_of(e->code, spec.success_exit_codes);
}

std::chrono::milliseconds backoff_delay(const backoff_policy& policy, unsigned n, double random) {
  if (n == 0) return std::chrono::milliseconds{0};
  auto max = static_cast<double>(policy.max.count());
  auto pause = static_cast<double>(policy.min.count()) * std::pow(policy.factor, n - 1);
  pause = std::min(pause, max);
  pause *= 1 + policy.jitter * (2 * random - 1);
  return std::chrono::milliseconds(std::llround(std::clamp(pause, 1.0, max)));
}

restart_decision decide_restart(const service_spec& spec, restart_history& history,
                                const std::optional<exit_status>& status,
                                std::optional<std::chrono::milliseconds> ran_for, time_point now,
                                double random) {
  bool wanted = spec.restart == restart_policy::always ||
                (spec.restart == restart_policy::on_failure && !is_success(spec, status));
  if (!wanted) return leave_exited{};

  if (ran_for && *ran_for >= spec.backoff.reset_after) history.failures_in_a_row = 0;
  while (!history.restarts.empty() && now - history.restarts.front() >= spec.intensity.window)
    history.restarts.pop_front();
  if (history.restarts.size() >= spec.intensity.restarts)
    return give_up{std::to_string(history.restarts.size()) + " restarts within " +
                   format_duration(spec.intensity.window)};
  history.restarts.push_back(now);
  return restart_after{backoff_delay(spec.backoff, history.failures_in_a_row++, random)};
}

}  // namespace sm
