#include "service/reconcile.hpp"

namespace sm {
namespace {

using enum duty;

/// One of the wanted number.
bool counts(duty d) noexcept { return d == serves || d == waits; }

duty without_waiting(duty d) noexcept { return d == waits ? serves : d; }

course on_start(duty does, instance_state state) noexcept {
  if (!counts(does)) return {does};
  return {at_rest(state) || state == instance_state::stopping ? waits : serves};
}

course on_restart(duty does, instance_state state) noexcept {
  if (does == leaves) return {leaves};
  // What is at rest starts in its turn.
  if (at_rest(state)) return {counts(does) ? waits : does};
  return {without_waiting(does), telling::restart};
}

course on_group_restart(duty does, instance_state state) noexcept {
  if (does == leaves || at_rest(state)) return {does};
  // The rollout that it stands in for goes on.
  if (does == stands_in) return {does, telling::restart};
  return {waits, telling::stop};
}

course on_shutdown(duty does, instance_state state) noexcept {
  bool stops = state == instance_state::stopped || state == instance_state::stopping;
  return {without_waiting(does), stops ? telling::nothing : telling::stop};
}

}  // namespace

course reconcile(occasion what, duty does, instance_state state, bool enabled) noexcept {
  switch (what) {
    case occasion::found:
      // One beyond the number may be all that is ready of an interrupted rollout.
      return {does == leaves && enabled ? stands_in : without_waiting(does)};
    case occasion::counted_in:
      if (does != leaves) return {does};
      return {enabled ? waits : serves};
    case occasion::counted_out:
      if (!counts(does)) return {does};
      return {leaves, telling::stop};
    case occasion::extra:
      return {stands_in, telling::start};
    case occasion::rollout_over:
      if (does != stands_in) return {does};
      return {leaves, telling::stop};
    case occasion::undone:
      return {counts(does) && at_rest(state) ? waits : does};
    case occasion::removed:
      return {leaves, telling::stop};
    case occasion::start:
      return on_start(does, state);
    case occasion::stop:
      return {without_waiting(does), telling::stop};
    case occasion::restart:
      return on_restart(does, state);
    case occasion::group_restart:
      return on_group_restart(does, state);
    case occasion::group_failed:
      return {without_waiting(does), telling::condemned};
    case occasion::turn:
      if (does != waits || !at_rest(state)) return {does};
      return {serves, telling::start};
    case occasion::starting:
      return {without_waiting(does)};
    case occasion::shutdown:
      return on_shutdown(does, state);
  }
  return {does};
}

}  // namespace sm
