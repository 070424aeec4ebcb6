// Every message that crosses the border between two processes of sm. Plain structs; their members
// are listed once. A change of a member is a change of the protocol: raise `protocol_version`.
#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/type_id.hpp>
#include <cstdint>
#include <sm/trace.hpp>
#include <string>
#include <vector>

namespace sm::wire {

inline constexpr std::uint32_t protocol_version = 6;

// -- from a service process to the manager

/// The first message: who is at the other end of this link.
struct hello {
  std::uint32_t version = protocol_version;
  std::int32_t pid = 0;
  caf::strong_actor_ptr service;  ///< takes the commands
};

/// The service is constructed and takes commands.
struct ready {
  std::vector<std::string> commands;
  std::int32_t main_pid = 0;    ///< whom people mean: the process itself, or its program
  caf::strong_actor_ptr actor;  ///< whom other processes find under the service's name
};

/// The process ends as soon as `farewell` came: everything it sent before has then arrived.
struct goodbye {
  std::string reason;   ///< why it ends, when its exit status does not say it all
  bool failure = true;  ///< however clean its exit status looks; without a reason it means nothing
};

/// What a program is and says of itself; each new manager hears it again.
struct program_state {
  std::int32_t main_pid = 0;
  std::string status_text;  ///< STATUS of sd_notify(3)
  bool reloading = false;   ///< RELOADING=1 came, READY=1 did not yet
};

/// A program needs so much longer, from now, to start or to stop.
struct extend_timeout {
  std::int64_t by_ms = 0;
};

constexpr std::uint8_t reply_ok = 255;

struct reply {
  std::uint64_t id = 0;
  std::uint8_t code = reply_ok;  ///< or an sm::errc
  std::string text;              ///< JSON, or the error's detail
  std::string where;             ///< of an error
};

struct reply_batch {
  std::vector<reply> replies;
};

struct pong {
  std::uint64_t sequence = 0;
};

/// For those who watch the manager's events.
struct service_event {
  std::string type;
  std::string data;  ///< JSON
};

/// What a consumer has done since its process started.
struct job_report {
  std::string tallies;  ///< `job_tallies`, encoded
};

/// A service's own command or gather, carried out by the manager.
struct service_call {
  std::uint64_t id = 0;
  bool gather = false;
  std::string target;
  std::string command;
  std::string arguments;
  std::int64_t timeout_ms = 0;
  trace_context trace;
};

/// What the service's own code has counted since its process started.
struct metric_report {
  std::string families;  ///< `own_families`, encoded
};

/// Spans that the process recorded.
struct span_batch {
  std::vector<std::string> spans;  ///< OTLP's JSON
  std::uint64_t dropped = 0;       ///< since the last one
};

/// A request for another service's actor; the answer is a caf::strong_actor_ptr or an error.
struct find_service {
  std::string name;
};

// -- from the manager to a service process

struct welcome {
  std::uint32_t version = protocol_version;
  std::string instance;
  std::string spec;      ///< JSON of service_spec
  std::string settings;  ///< JSON of process_settings
};

struct command {
  std::uint64_t id = 0;
  std::string name;
  std::string arguments;         ///< JSON
  std::int64_t deadline_ns = 0;  ///< CLOCK_MONOTONIC, which all processes of a host share
  trace_context trace;
};

/// All commands for one process that arose in one turn of the manager's loop.
struct command_batch {
  std::vector<command> commands;
};

struct ping {
  std::uint64_t sequence = 0;
};

struct stop {
  std::int64_t deadline_ns = 0;
};

struct farewell {};

/// An operator's signal for the program of a process that runs one.
struct forward_signal {
  std::int32_t number = 0;
};

// -- within one process

struct timer_tick {
  std::uint64_t id = 0;
};
struct run_posted {};

/// From the main thread: the link closed; a new one is there.
struct manager_lost {};
struct new_link {
  std::int32_t fd = -1;
};

/// A command for a service that is a plain CAF actor; it answers with JSON text.
struct actor_command {
  std::string name;
  std::string arguments;
};

template <class I>
auto inspect(I& f, hello& x) {
  return f(caf::meta::type_name("hello"), x.version, x.pid, x.service);
}
template <class I>
auto inspect(I& f, ready& x) {
  return f(caf::meta::type_name("ready"), x.commands, x.main_pid, x.actor);
}
template <class I>
auto inspect(I& f, goodbye& x) {
  return f(caf::meta::type_name("goodbye"), x.reason, x.failure);
}
template <class I>
auto inspect(I& f, program_state& x) {
  return f(caf::meta::type_name("program_state"), x.main_pid, x.status_text, x.reloading);
}
template <class I>
auto inspect(I& f, extend_timeout& x) {
  return f(caf::meta::type_name("extend_timeout"), x.by_ms);
}
template <class I>
auto inspect(I& f, reply& x) {
  return f(caf::meta::type_name("reply"), x.id, x.code, x.text, x.where);
}
template <class I>
auto inspect(I& f, reply_batch& x) {
  return f(caf::meta::type_name("reply_batch"), x.replies);
}
template <class I>
auto inspect(I& f, pong& x) {
  return f(caf::meta::type_name("pong"), x.sequence);
}
template <class I>
auto inspect(I& f, service_event& x) {
  return f(caf::meta::type_name("service_event"), x.type, x.data);
}
template <class I>
auto inspect(I& f, job_report& x) {
  return f(caf::meta::type_name("job_report"), x.tallies);
}
template <class I>
auto inspect(I& f, service_call& x) {
  return f(caf::meta::type_name("service_call"), x.id, x.gather, x.target, x.command, x.arguments,
           x.timeout_ms, x.trace.trace_high, x.trace.trace_low, x.trace.span, x.trace.sampled);
}
template <class I>
auto inspect(I& f, metric_report& x) {
  return f(caf::meta::type_name("metric_report"), x.families);
}
template <class I>
auto inspect(I& f, span_batch& x) {
  return f(caf::meta::type_name("span_batch"), x.spans, x.dropped);
}
template <class I>
auto inspect(I& f, find_service& x) {
  return f(caf::meta::type_name("find_service"), x.name);
}
template <class I>
auto inspect(I& f, welcome& x) {
  return f(caf::meta::type_name("welcome"), x.version, x.instance, x.spec, x.settings);
}
template <class I>
auto inspect(I& f, command& x) {
  return f(caf::meta::type_name("command"), x.id, x.name, x.arguments, x.deadline_ns,
           x.trace.trace_high, x.trace.trace_low, x.trace.span, x.trace.sampled);
}
template <class I>
auto inspect(I& f, command_batch& x) {
  return f(caf::meta::type_name("command_batch"), x.commands);
}
template <class I>
auto inspect(I& f, ping& x) {
  return f(caf::meta::type_name("ping"), x.sequence);
}
template <class I>
auto inspect(I& f, stop& x) {
  return f(caf::meta::type_name("stop"), x.deadline_ns);
}
template <class I>
auto inspect(I& f, farewell&) {
  return f(caf::meta::type_name("farewell"));
}
template <class I>
auto inspect(I& f, forward_signal& x) {
  return f(caf::meta::type_name("forward_signal"), x.number);
}
template <class I>
auto inspect(I& f, timer_tick& x) {
  return f(caf::meta::type_name("timer_tick"), x.id);
}
template <class I>
auto inspect(I& f, run_posted&) {
  return f(caf::meta::type_name("run_posted"));
}
template <class I>
auto inspect(I& f, manager_lost&) {
  return f(caf::meta::type_name("manager_lost"));
}
template <class I>
auto inspect(I& f, new_link& x) {
  return f(caf::meta::type_name("new_link"), x.fd);
}
template <class I>
auto inspect(I& f, actor_command& x) {
  return f(caf::meta::type_name("actor_command"), x.name, x.arguments);
}

}  // namespace sm::wire

CAF_BEGIN_TYPE_ID_BLOCK(sm, first_custom_type_id)
CAF_ADD_TYPE_ID(sm, (sm::wire::hello))
CAF_ADD_TYPE_ID(sm, (sm::wire::ready))
CAF_ADD_TYPE_ID(sm, (sm::wire::goodbye))
CAF_ADD_TYPE_ID(sm, (sm::wire::program_state))
CAF_ADD_TYPE_ID(sm, (sm::wire::extend_timeout))
CAF_ADD_TYPE_ID(sm, (sm::wire::reply))
CAF_ADD_TYPE_ID(sm, (sm::wire::reply_batch))
CAF_ADD_TYPE_ID(sm, (sm::wire::pong))
CAF_ADD_TYPE_ID(sm, (sm::wire::service_event))
CAF_ADD_TYPE_ID(sm, (sm::wire::job_report))
CAF_ADD_TYPE_ID(sm, (sm::wire::service_call))
CAF_ADD_TYPE_ID(sm, (sm::wire::metric_report))
CAF_ADD_TYPE_ID(sm, (sm::wire::span_batch))
CAF_ADD_TYPE_ID(sm, (sm::wire::find_service))
CAF_ADD_TYPE_ID(sm, (sm::wire::welcome))
CAF_ADD_TYPE_ID(sm, (sm::wire::command))
CAF_ADD_TYPE_ID(sm, (sm::wire::command_batch))
CAF_ADD_TYPE_ID(sm, (sm::wire::ping))
CAF_ADD_TYPE_ID(sm, (sm::wire::stop))
CAF_ADD_TYPE_ID(sm, (sm::wire::farewell))
CAF_ADD_TYPE_ID(sm, (sm::wire::forward_signal))
CAF_ADD_TYPE_ID(sm, (sm::wire::timer_tick))
CAF_ADD_TYPE_ID(sm, (sm::wire::run_posted))
CAF_ADD_TYPE_ID(sm, (sm::wire::manager_lost))
CAF_ADD_TYPE_ID(sm, (sm::wire::new_link))
CAF_ADD_TYPE_ID(sm, (sm::wire::actor_command))
CAF_END_TYPE_ID_BLOCK(sm)

namespace sm {

/// Makes every message above known to a process's actor system.
inline void register_messages(caf::actor_system_config& c) {
  c.add_message_types<caf::id_block::sm>();
}

}  // namespace sm
