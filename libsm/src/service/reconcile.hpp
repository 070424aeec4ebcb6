// What an instance is there for, and what becomes of it when something happens to its service: one
// decision for all that starts, stops and replaces instances.
#pragma once

#include "service/lifecycle.hpp"

namespace sm {

enum class duty {
  serves,     ///< one of the wanted number, in whatever state its life is
  waits,      ///< likewise, and it starts in its turn: as soon as what it waits for is ready
  stands_in,  ///< beyond the wanted number, as long as a rollout takes
  leaves,     ///< not wanted any more: it is forgotten once it is at rest
};

enum class occasion {
  found,          ///< a process of an earlier manager was found, and its service shall run
  counted_in,     ///< the wanted number includes it
  counted_out,    ///< the wanted number does not reach as far as it
  extra,          ///< a rollout needs it beyond the number
  rollout_over,   ///< no rollout needs anything beyond the number any more
  undone,         ///< the service is again as it was before a rollout that failed
  removed,        ///< its service was
  start,          ///< its service shall run
  stop,           ///< its service shall not run; no rollout is under way
  restart,        ///< its service shall be stopped and started
  group_restart,  ///< its group is stopped, to be started together
  group_failed,   ///< its group is given up
  turn,           ///< what it waits for is ready
  starting,       ///< its process is being made
  shutdown,       ///< the manager ends, and it is its turn to stop
};

/// What its lifecycle is told.
enum class telling { nothing, start, stop, restart, condemned };

struct course {
  duty does = duty::serves;
  telling tell = telling::nothing;

  friend bool operator==(const course&, const course&) = default;
};

/// What becomes of an instance of that duty in that state. `enabled`: its service shall run.
course reconcile(occasion what, duty does, instance_state state, bool enabled = true) noexcept;

}  // namespace sm
