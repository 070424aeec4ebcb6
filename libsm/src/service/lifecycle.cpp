#include "service/lifecycle.hpp"

#include <algorithm>
#include <array>

#include "text/units.hpp"

namespace sm {
namespace {

using actions = std::vector<lifecycle_action>;
using enum instance_state;

// Reasons that say what is waited for: an end that comes meanwhile has others.
constexpr std::string_view not_come =
    "an earlier manager started it; it has not come to this one yet";
constexpr std::string_view not_answered = "has not answered its new manager yet";

/// One call of `advance`: the machine's state with the values every transition needs.
struct transition {
  lifecycle& life;
  const service_spec& spec;
  time_point now;
  double random;

  void enter(instance_state next, std::string reason = {}) {
    life.state = next;
    life.since = now;
    life.reason = std::move(reason);
    life.ready = false;
    life.start_after_stop = false;
    life.signalled = false;
    life.tree_left = false;
    life.by_itself = false;
    life.failed = false;
    life.doom.clear();
    life.next_start.reset();
  }

  actions start() {
    enter(starting);
    life.ready_since.reset();
    return {arm_timer{spec.start_timeout}, spawn_process{}};
  }

  actions start_fresh() {
    life.history = {};
    return start();
  }

  /// Half of the time belongs to the stop message, the other half to the stop signal; all of it to
  /// the signal for whom no message reaches.
  actions stop(bool can_hear_message) {
    enter(stopping);
    if (can_hear_message) return {send_stop{spec.stop_timeout}, arm_timer{spec.stop_timeout / 2}};
    life.signalled = true;
    return {send_stop_signal{}, arm_timer{stop_patience()}};
  }

  /// Until SIGKILL. A program's adapter kills the program itself, and writes its last words down.
  std::chrono::milliseconds stop_patience() const {
    return spec.command.empty() ? spec.stop_timeout : spec.stop_timeout + adapter_patience;
  }

  /// As with systemd's EXTEND_TIMEOUT_USEC: never less than was left without it.
  actions extend(std::chrono::milliseconds by, std::chrono::milliseconds limit) const {
    auto until = std::max(life.since + limit, now + by);
    return {arm_timer{std::chrono::ceil<std::chrono::milliseconds>(until - now)}};
  }

  actions escalate_stop() {
    if (life.tree_left) return {};
    if (life.signalled) return {kill_tree{}};
    life.signalled = true;
    return {send_stop_signal{}, arm_timer{stop_patience() - spec.stop_timeout / 2}};
  }

  /// The process is gone (`status`) or could not be made (no status): the policy decides.
  actions ended(std::optional<exit_status> status, std::string reason) {
    std::optional<std::chrono::milliseconds> ran_for;
    if (life.ready_since)
      ran_for = std::chrono::duration_cast<std::chrono::milliseconds>(now - *life.ready_since);
    auto decision = decide_restart(spec, life.history, status, ran_for, now, random);
    if (auto* again = std::get_if<restart_after>(&decision)) {
      ++life.restarts;
      if (again->delay.count() == 0) return start();
      enter(backoff, std::move(reason));
      life.next_start = now + again->delay;
      return {arm_timer{again->delay}};
    }
    if (auto* over = std::get_if<give_up>(&decision))
      enter(fatal, over->reason + ", last: " + reason);
    else
      rest_exited(std::move(reason));
    return {disarm_timer{}};
  }

  /// How it was judged stays with it.
  void rest_exited(std::string reason) {
    auto failed = life.failed;
    enter(exited, std::move(reason));
    life.failed = failed;
  }

  /// What the policy is told of the last end: nothing when it is a failure however clean it looks.
  std::optional<exit_status> verdict() const { return life.failed ? std::nullopt : life.last_exit; }

  /// The process is gone. What starts again does so at once, for nothing is made before the tree is
  /// gone; where it comes to rest is shown only then.
  actions ended_by_itself() {
    auto before = life;
    auto reason = life.last_end;
    auto todo = ended(verdict(), reason);
    if (life.state == starting) return todo;
    life = std::move(before);
    auto failed = life.failed;
    enter(stopping, std::move(reason));
    life.tree_left = life.by_itself = true;
    life.failed = failed;
    return {disarm_timer{}};
  }

  /// There is no process any more: what was STOPPING is where it shall be.
  actions end_of_stop() {
    if (life.start_after_stop) return start_fresh();
    if (life.doom.empty()) return rest();
    enter(fatal, std::string(life.doom));
    return {disarm_timer{}};
  }

  actions rest() {
    enter(stopped);
    return {disarm_timer{}};
  }
};

actions on(transition& t, const start_requested&) {
  switch (t.life.state) {
    case stopped:
    case exited:
    case fatal:
    case backoff:
      return t.start_fresh();
    case stopping:
      t.life.start_after_stop = true;
      t.life.doom.clear();
      return {};
    case starting:
    case running:
      return {};
  }
  return {};
}

actions on(transition& t, const stop_requested&) {
  switch (t.life.state) {
    case starting:
      return t.stop(false);
    case running:
      return t.stop(true);
    case backoff:
    case exited:
    case fatal:
      return t.rest();
    case stopping:
      t.life.start_after_stop = false;
      t.life.by_itself = false;
      return {};
    case stopped:
      return {};
  }
  return {};
}

actions on(transition& t, const restart_requested&) {
  switch (t.life.state) {
    case starting:
    case running: {
      auto todo = t.stop(t.life.state == running);
      t.life.start_after_stop = true;
      return todo;
    }
    default:
      return on(t, start_requested{});
  }
}

actions on(transition& t, const reset_requested&) {
  t.life.history = {};
  t.life.restarts = 0;
  if (t.life.state == fatal || t.life.state == exited) return t.rest();
  return {};
}

actions on(transition& t, const spawn_failed& e) {
  t.life.last_end = e.reason;
  if (t.life.state == starting) {
    t.life.failed = true;  // whatever the end of the run before was
    return t.ended(std::nullopt, e.reason);
  }
  if (t.life.state != stopping) return {};
  return t.end_of_stop();
}

actions on(transition& t, const became_ready&) {
  if (t.life.state == running && !t.life.ready) {  // adopted, and now it has answered
    t.life.ready = true;
    t.life.reason.clear();
    return {};
  }
  if (t.life.state != starting) return {};
  t.enter(running);
  t.life.ready = true;
  t.life.ready_since = t.now;
  return {disarm_timer{}};
}

actions on(transition& t, const start_failed& e) {
  // The process ends by itself; its words are worth more than its exit code.
  if (t.life.state != starting && t.life.state != running) return {};
  t.life.reason = e.reason;
  t.life.failed = e.failure;
  return {};
}

actions on(transition& t, const timeout_extended& e) {
  if (t.life.state == starting) return t.extend(e.by, t.spec.start_timeout);
  if (t.life.state != stopping || t.life.tree_left) return {};
  t.life.signalled = true;  // it has heard of the stop, so nothing but SIGKILL is left to send
  return t.extend(e.by, t.stop_patience());
}

actions on(transition& t, const link_lost&) {
  switch (t.life.state) {
    case starting:
      return {kill_tree{}};
    case running:
      t.life.ready = false;
      if (t.life.reason.empty()) t.life.reason = "link lost";  // it may have said goodbye
      return {kill_tree{}};
    default:
      return {};
  }
}

actions on(transition& t, const process_ended& e) {
  if (at_rest(t.life.state) || t.life.tree_left) return {};
  auto told = std::move(t.life.reason);
  if (told == not_come || told == not_answered) told.clear();
  t.life.last_exit = e.status;
  auto reason = to_string(e.status);
  if (!told.empty()) reason = told + " (" + reason + ")";
  t.life.last_end = reason;
  if (t.life.state != stopping) return t.ended_by_itself();
  if (t.life.start_after_stop) return t.end_of_stop();
  t.life.tree_left = true;
  return {disarm_timer{}};
}

actions on(transition& t, const tree_gone&) {
  if (!t.life.tree_left) return {};
  if (!t.life.by_itself || t.life.start_after_stop || !t.life.doom.empty()) return t.end_of_stop();
  return t.ended(t.verdict(), std::string(t.life.last_end));
}

actions on(transition& t, const timer_fired&) {
  switch (t.life.state) {
    case starting:
      t.life.reason = "not ready within " + format_duration(t.spec.start_timeout);
      return {kill_tree{}};
    case running:  // its stacks are written by now
      return {kill_tree{}};
    case backoff:
      return t.start();
    case stopping:
      return t.escalate_stop();
    default:
      return {};
  }
}

actions on(transition& t, const unresponsive& e) {
  if (t.life.state != running) return {};
  t.life.ready = false;
  t.life.reason = e.reason;
  t.life.failed = true;
  return {dump_stack{}, arm_timer{stack_patience}};
}

actions on(transition& t, const condemned& e) {
  switch (t.life.state) {
    case starting:
    case running: {
      auto todo = t.stop(t.life.state == running);
      t.life.doom = e.reason;
      return todo;
    }
    case stopping:
      // Who asked for its end has it; who wanted it back does not get it.
      if (std::exchange(t.life.start_after_stop, false) || t.life.by_itself) t.life.doom = e.reason;
      return {};
    case backoff:
      t.enter(fatal, e.reason);
      return {disarm_timer{}};
    default:
      return {};
  }
}

actions on(transition& t, const process_found&) {
  if (!at_rest(t.life.state)) return {};
  t.enter(starting, std::string(not_come));
  t.life.ready_since.reset();
  return {arm_timer{t.spec.start_timeout}};
}

actions on(transition& t, const end_found& e) {
  if (t.life.state != stopped) return {};
  t.life.last_exit = e.status;
  t.life.last_end = e.reason;
  t.life.failed = e.failed;
  t.rest_exited(e.reason);
  return {disarm_timer{}};
}

actions on(transition& t, const process_adopted& e) {
  if (t.life.state != starting) return {};
  if (e.stopping) {
    t.enter(stopping);
    t.life.start_after_stop = true;
    return {arm_timer{t.spec.stop_timeout / 2}};
  }
  if (!e.ready_since) return {};
  t.enter(running, std::string(not_answered));
  t.life.since = *e.ready_since;
  t.life.ready_since = e.ready_since;
  return {disarm_timer{}};
}

actions on(transition& t, const kill_requested&) {
  switch (t.life.state) {
    case starting:
    case running:
      return {kill_tree{}};
    case stopping:
      if (!t.life.tree_left) return {kill_tree{}};
      return {};
    default:
      return {};
  }
}

}  // namespace

std::string_view to_string(instance_state state) noexcept {
  constexpr std::array<std::string_view, instance_state_count> names{
      "STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL"};
  return names[static_cast<std::size_t>(state)];
}

std::vector<lifecycle_action> advance(lifecycle& life, const service_spec& spec,
                                      const lifecycle_event& event, time_point now, double random) {
  transition t{life, spec, now, random};
  return std::visit([&](const auto& e) { return on(t, e); }, event);
}

bool at_rest(instance_state state) noexcept {
  return state == stopped || state == backoff || state == exited || state == fatal;
}

}  // namespace sm
