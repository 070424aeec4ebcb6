// The life of one instance as a state machine over values: an event goes in, the next state and the
// actions to carry out come out. No clock, no process, no randomness of its own.
#pragma once

#include <chrono>
#include <optional>
#include <sm/service_spec.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "service/restart_history.hpp"
#include "system/exit_status.hpp"

namespace sm {

/// supervisord's words, which every operator knows.
enum class instance_state { stopped, starting, running, backoff, stopping, exited, fatal };
inline constexpr std::size_t instance_state_count = 7;

std::string_view to_string(instance_state state) noexcept;  ///< "RUNNING"

// -- events

struct start_requested {};    ///< somebody wants it to run
struct stop_requested {};     ///< somebody wants it to end
struct restart_requested {};  ///< end it, then start it, whatever it does now
struct reset_requested {};    ///< forget past failures
struct spawn_failed {
  std::string reason;
};                       ///< there is no process
struct became_ready {};  ///< the service said so over its link
struct start_failed {
  std::string reason;
  bool failure = true;  ///< however clean its exit status looks
};                      ///< the process said why it will end
struct timeout_extended {
  std::chrono::milliseconds by;
};                    ///< it needs so much longer, from now, to start or to stop
struct link_lost {};  ///< the process cannot be talked to any more
struct process_ended {
  exit_status status;
};                         ///< the process is gone; what it started may live, until `tree_gone`
struct tree_gone {};       ///< nothing is left of the process that ended last
struct timer_fired {};     ///< the one timer of the instance
struct kill_requested {};  ///< no more patience: SIGKILL
struct unresponsive {
  std::string reason;
};  ///< the process hangs
struct condemned {
  std::string reason;
};                        ///< its group has failed: end it and give it up
struct process_found {};  ///< an earlier manager started it, and it may still run
struct end_found {
  exit_status status;
  bool failed = false;
  std::string reason{};
};  ///< an earlier manager saw how it ended, and left it so
struct process_adopted {
  bool stopping = false;                    ///< it was asked to end, and will
  std::optional<time_point> ready_since{};  ///< nothing while its service is being constructed
};                                          ///< the process that was found has come to us

using lifecycle_event =
    std::variant<start_requested, stop_requested, restart_requested, reset_requested, spawn_failed,
                 became_ready, start_failed, timeout_extended, link_lost, process_ended, tree_gone,
                 timer_fired, kill_requested, unresponsive, condemned, process_found, end_found,
                 process_adopted>;

// -- actions

struct spawn_process {};  ///< start it when nothing is left of its last run; answer with an event
struct send_stop {
  std::chrono::milliseconds timeout;
};                           ///< ask it to end over the link
struct send_stop_signal {};  ///< the spec's signal, to the group
struct kill_tree {};         ///< SIGKILL, to the group
struct dump_stack {};        ///< let the process write where it hangs
struct arm_timer {
  std::chrono::milliseconds delay;
};  ///< replaces the timer armed before
struct disarm_timer {};

using lifecycle_action = std::variant<spawn_process, send_stop, send_stop_signal, kill_tree,
                                      dump_stack, arm_timer, disarm_timer>;

/// How long a hanging process may take to write its stacks before it is killed.
inline constexpr std::chrono::milliseconds stack_patience{300};

/// A program's adapter has the whole of `stop_timeout` for the program, and this for itself.
inline constexpr std::chrono::milliseconds adapter_patience{1000};

/// Everything the machine remembers about one instance.
struct lifecycle {
  instance_state state = instance_state::stopped;
  bool ready = false;             ///< only in RUNNING
  bool start_after_stop = false;  ///< only in STOPPING: somebody wants it back
  bool signalled = false;         ///< only in STOPPING: the stop signal was sent
  bool tree_left = false;         ///< only in STOPPING: its process is gone, its tree may not be
  bool by_itself = false;         ///< only with `tree_left`: nobody asked, so its policy decides
  bool failed = false;            ///< its end is a failure whatever its exit status
  std::string doom{};             ///< only in STOPPING: FATAL comes next, for this reason
  std::string last_end{};         ///< why the last process ended, in words
  std::string reason{};           ///< why it is in this state, in words; empty when as asked
  unsigned restarts = 0;          ///< how often it was started again by policy
  time_point since{};             ///< when it entered this state
  std::optional<time_point> ready_since{};
  std::optional<time_point> next_start{};  ///< only in BACKOFF
  std::optional<exit_status> last_exit{};
  restart_history history{};

  friend bool operator==(const lifecycle&, const lifecycle&) = default;
};

/// Carries `event` into `life` and returns what has to be done. `random` in [0,1) is for the
/// jitter. An event that means nothing in a state changes nothing; the table in the tests lists all
/// pairs.
std::vector<lifecycle_action> advance(lifecycle& life, const service_spec& spec,
                                      const lifecycle_event& event, time_point now, double random);

/// True when no process exists, of its tree neither, or is being made.
bool at_rest(instance_state state) noexcept;

}  // namespace sm
