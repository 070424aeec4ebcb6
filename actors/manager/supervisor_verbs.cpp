// What users ask of services: changes of the desired state, each checked, journaled and carried out
// by the supervisor's one queue of changes.
#include "manager/supervisor.hpp"
#include "service/masked_env.hpp"
#include "service/scaling.hpp"
#include "system/signal_names.hpp"

namespace sm {

namespace {

/// Whoever can have a program started is the manager's user.
const error program_refused{
    errc::forbidden,
    "over TCP no program is added or changed; use the Unix socket, or http.programs", "/command"};

bool is_ready(const managed_service* m) { return m && m->ready(); }
bool is_stopped(const managed_service* m) { return !m || m->at_rest(); }
bool is_gone(const managed_service* m) { return !m; }
bool is_ending_or_ended(const instance& i) {
  return at_rest(i.life().state) || i.life().state == instance_state::stopping;
}
bool is_as_specified(const managed_service* m) {
  if (!m || m->rolling()) return false;
  if (!m->rollout_failure().empty()) return true;  // as it was before
  return m->instances().size() == m->spec().instances && (!m->desired().enabled || m->ready());
}

}  // namespace

promise<json> supervisor::add(json document, may_run programs) {
  if (auto ok = unmask_env(document, nullptr); !ok)
    return failed<json>(ok.error().code, ok.error().detail, ok.error().where);
  auto spec = spec_from_json(document);
  if (!spec) return failed<json>(spec.error().code, spec.error().detail, spec.error().where);
  if (programs == may_run::no_programs && runs_program(*spec))
    return failed<json>(program_refused.code, program_refused.detail, program_refused.where);
  auto name = spec->name;
  return submit(
      {.name = name,
       .make = [this, spec = *spec](const desired_service* present) -> result<desired_service> {
         if (!present && aside_.contains(spec.name))
           return fail(errc::conflict,
                       "a stored service called '" + spec.name + "' is set aside; remove it first",
                       "/name");
         if (present)
           return fail(errc::conflict, "there is a service called '" + spec.name + "' already",
                       "/name");
         return desired_service{.spec = spec, .enabled = spec.autostart};
       },
       .then = {},
       .end_state = {},
       .wait = {},
       .done = {}});
}

promise<json> supervisor::patch(const std::string& name, const json& document, wait_for w,
                                may_run programs) {
  return submit({.name = name,
                 .make = [name, document,
                          programs](const desired_service* present) -> result<desired_service> {
                   if (!present || present->removed)
                     return tl::unexpected<error>(no_such_service(name));
                   auto unmasked = document;
                   if (auto ok = unmask_env(unmasked, &present->spec); !ok)
                     return tl::unexpected<error>(ok.error());
                   auto spec = spec_from_json(unmasked, present->spec);
                   if (!spec) return tl::unexpected<error>(spec.error());
                   if (programs == may_run::no_programs && runs_program(*spec) &&
                       needs_restart(present->spec, *spec))
                     return tl::unexpected<error>(program_refused);
                   if (spec->name != name)
                     return fail(errc::invalid_spec, "a service cannot change its name", "/name");
                   auto wanted = *present;
                   wanted.spec = std::move(*spec);
                   return wanted;
                 },
                 .then = {},
                 .end_state = is_as_specified,
                 .wait = w,
                 .done = {}});
}

promise<json> supervisor::scale(const std::string& name, const json& instances, wait_for w) {
  return submit(
      {.name = name,
       .make = [name, instances](const desired_service* present) -> result<desired_service> {
         if (!present || present->removed) return tl::unexpected<error>(no_such_service(name));
         auto number = scaled(instances, present->spec.instances);
         if (!number) return tl::unexpected<error>(number.error());
         auto spec = spec_from_json({{"instances", *number}}, present->spec);
         if (!spec) return tl::unexpected<error>(spec.error());
         auto wanted = *present;
         wanted.spec = std::move(*spec);
         return wanted;
       },
       .then = {},
       .end_state = is_as_specified,
       .wait = w,
       .done = {}});
}

promise<json> supervisor::remove(const std::string& name, wait_for w) {
  return submit({.name = name,
                 .make = [this, name](const desired_service* present) -> result<desired_service> {
                   if (!present && aside_.contains(name))
                     return desired_service{.spec = {.name = name}, .removed = true};
                   if (!present || present->removed)
                     return tl::unexpected<error>(no_such_service(name));
                   auto wanted = *present;
                   wanted.removed = true;
                   return wanted;
                 },
                 .then = {},
                 .end_state = is_gone,
                 .wait = w,
                 .done = {}});
}

namespace {

/// An edit that sets whether the service shall run.
std::function<result<desired_service>(const desired_service*)> enable(const std::string& name,
                                                                      std::optional<bool> enabled) {
  return [name, enabled](const desired_service* present) -> result<desired_service> {
    if (!present || present->removed) return tl::unexpected<error>(no_such_service(name));
    auto wanted = *present;
    if (enabled) wanted.enabled = *enabled;
    return wanted;
  };
}

}  // namespace

promise<json> supervisor::start_service(const std::string& name, wait_for w) {
  return submit({.name = name,
                 .make = enable(name, true),
                 .then =
                     [](managed_service* m) {
                       for (auto& i : m->instances())
                         i->start_wanted = !i->retiring && is_ending_or_ended(*i);
                     },
                 .end_state = is_ready,
                 .wait = w,
                 .done = {}});
}

promise<json> supervisor::stop_service(const std::string& name, wait_for w) {
  return submit({.name = name,
                 .make = enable(name, false),
                 .then =
                     [this](managed_service* m) {
                       end_rollout(*m);
                       for (auto& i : m->instances()) {
                         i->start_wanted = false;
                         i->handle(stop_requested{});
                       }
                     },
                 .end_state = is_stopped,
                 .wait = w,
                 .done = {}});
}

promise<json> supervisor::restart_service(const std::string& name, wait_for w) {
  return submit({.name = name,
                 .make = enable(name, true),
                 .then =
                     [](managed_service* m) {
                       for (auto& i : m->instances())
                         if (!i->retiring) {
                           // What is at rest starts in its turn.
                           i->start_wanted = at_rest(i->life().state);
                           if (!i->start_wanted) i->handle(restart_requested{});
                         }
                     },
                 .end_state = is_ready,
                 .wait = w,
                 .done = {}});
}

promise<json> supervisor::reload_service(const std::string& name, wait_for w) {
  return submit(
      {.name = name,
       .make = enable(name, true),
       .then = [this](managed_service* m) { roll_out(*m, all_instances(*m), std::nullopt); },
       .end_state = is_as_specified,
       .wait = w,
       .done = {}});
}

promise<json> supervisor::reset_service(const std::string& name) {
  return submit({.name = name,
                 .make = enable(name, std::nullopt),
                 .then =
                     [](managed_service* m) {
                       for (auto& i : m->instances()) i->handle(reset_requested{});
                     },
                 .end_state = {},
                 .wait = {},
                 .done = {}});
}

promise<json> supervisor::signal_service(const std::string& name, const std::string& signal) {
  auto m = lookup(name);
  if (!m) return failed<json>(errc::unknown_service, no_such_service(name).detail, name);
  auto number = parse_signal(signal);
  if (!number) return failed<json>(errc::bad_arguments, number.error().detail, "/signal");
  json signalled = json::array();
  for (auto& i : m->instances())
    if (i->deliver_signal(*number)) signalled.push_back(m->display_name(*i));
  if (signalled.empty())
    return failed<json>(errc::not_running, "no instance of '" + name + "' runs", name);
  promise<json> p;
  p.set_value({{"signalled", signalled}});
  return p;
}

}  // namespace sm
