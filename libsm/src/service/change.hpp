// The changes of what is wanted, as plain values: what is asked for over HTTP, planned from a
// configuration file, told to the log and carried out are the same ones. Which change is right, and
// what it makes of a service, is decided here; the supervisor journals the outcome and carries it
// out.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "service/desired_state.hpp"

namespace sm {

/// What who asks may have run: over TCP no programs, unless the settings allow it.
enum class may_run { no_programs, anything };

/// A new service, from the document that describes it and names it likewise.
struct add_service {
  std::string name{};
  json document{};
  may_run programs = may_run::anything;

  friend bool operator==(const add_service&, const add_service&) = default;
};

/// What `document` mentions becomes as it says, the rest stays.
struct patch_service {
  std::string name{};
  json document{};
  may_run programs = may_run::anything;

  friend bool operator==(const patch_service&, const patch_service&) = default;
};

/// Stops it and forgets it.
struct remove_service {
  std::string name{};

  friend bool operator==(const remove_service&, const remove_service&) = default;
};

/// `instances` is a number, or a text: "4", "+2", "-1".
struct scale_service {
  std::string name{};
  json instances{};

  friend bool operator==(const scale_service&, const scale_service&) = default;
};

/// It shall run; instances that gave up, or that wait for their next attempt, start at once.
struct start_service {
  std::string name{};

  friend bool operator==(const start_service&, const start_service&) = default;
};

struct stop_service {
  std::string name{};

  friend bool operator==(const stop_service&, const stop_service&) = default;
};

/// Each instance is stopped and started, all at once. It shall run, if it was stopped.
struct restart_service {
  std::string name{};

  friend bool operator==(const restart_service&, const restart_service&) = default;
};

/// The instances are replaced as `reload` of the specification says. It shall run.
struct reload_service {
  std::string name{};

  friend bool operator==(const reload_service&, const reload_service&) = default;
};

/// Past failures are forgotten.
struct reset_service {
  std::string name{};

  friend bool operator==(const reset_service&, const reset_service&) = default;
};

/// The rollout of `failed` came to nothing: processes are made as by `before` again.
struct undo_rollout {
  std::string name{};
  service_spec failed{};
  service_spec before{};

  friend bool operator==(const undo_rollout&, const undo_rollout&) = default;
};

/// It becomes as the program, or its configuration file, declares it: `wanted` as a plan has it.
/// Whether it runs stays as it is, when somebody started or stopped it since.
struct follow_declaration {
  std::string name{};
  desired_service wanted{};

  friend bool operator==(const follow_declaration&, const follow_declaration&) = default;
};

using desired_change = std::variant<add_service, patch_service, remove_service, scale_service,
                                    start_service, stop_service, restart_service, reload_service,
                                    reset_service, undo_rollout, follow_declaration>;

/// The addition of the service that `document` describes; its name may be missing or none.
add_service addition(json document, may_run programs = may_run::anything);

/// The service that is changed.
const std::string& service_of(const desired_change& c) noexcept;

/// "add", "patch", "scale", ...
std::string_view word_of(const desired_change& c) noexcept;

/// One line for people and for the log: `change`, `service`, and what is particular to it, without
/// what is secret; `secret_params` are the service's.
json to_json(const desired_change& c, std::span<const std::string> secret_params = {});

/// The service of that name before a change.
struct present_service {
  const desired_service* wanted = nullptr;  ///< nothing when there is none
  bool set_aside = false;                   ///< one is stored, but it cannot run
};

/// What is wanted after the change; `removed` is set when that is nothing. Fails with the reason
/// when the change does not fit what is there, and with the field at fault when its own document is
/// wrong. Whether the outcome fits the other services, and the registered types, is not looked at.
result<desired_service> apply(const present_service& present, const desired_change& c);

/// What a change is for: whoever waits for it is answered once it is reached.
enum class goal {
  none,          ///< reached as soon as the change is journaled
  as_specified,  ///< all wanted instances are there and no other, or the rollout was rolled back
  ready,         ///< all wanted instances are ready
  at_rest,       ///< no instance has a process
  gone,          ///< the service is no more
};
goal goal_of(const desired_change& c) noexcept;

/// How far a service is.
struct service_progress {
  bool enabled = true;
  bool ready = false;        ///< all wanted instances are
  bool at_rest = false;      ///< no instance has a process
  bool rolling = false;      ///< a rollout is under way
  bool rolled_back = false;  ///< the last rollout failed
  unsigned instances = 0;    ///< those there are, leaving ones included
  unsigned wanted = 0;
};
/// Of no service, when there is none.
bool reached(goal g, const std::optional<service_progress>& p) noexcept;

}  // namespace sm
