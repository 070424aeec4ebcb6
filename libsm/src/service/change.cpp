#include "service/change.hpp"

#include <type_traits>

#include "service/masking.hpp"
#include "service/overloaded.hpp"
#include "service/scaling.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

/// Whoever can have a program started is the manager's user.
tl::unexpected<error> program_refused() {
  return fail(errc::forbidden,
              "over TCP no program is added or changed; use the Unix socket, or http.programs",
              "/command");
}

tl::unexpected<error> no_such(const std::string& name) {
  return fail(errc::unknown_service, "there is no service called '" + name + "'", name);
}

result<desired_service> added(const present_service& present, const add_service& c) {
  auto document = c.document;
  if (auto ok = unmask_secrets(document, nullptr); !ok) return tl::unexpected<error>(ok.error());
  auto spec = spec_from_json(document);
  if (!spec) return tl::unexpected<error>(spec.error());
  if (spec->name != c.name)
    return fail(errc::invalid_spec, "must be " + in_quotes(c.name), "/name");
  if (c.programs == may_run::no_programs && runs_program(*spec)) return program_refused();
  if (present.wanted)
    return fail(errc::conflict, "there is a service called '" + spec->name + "' already", "/name");
  if (present.set_aside)
    return fail(errc::conflict,
                "a stored service called '" + spec->name + "' is set aside; remove it first",
                "/name");
  bool enabled = spec->autostart;
  return desired_service{.spec = std::move(*spec), .enabled = enabled};
}

/// `present` with what `document` mentions.
result<desired_service> with(const desired_service& present, const json& document) {
  auto spec = spec_from_json(document, present.spec);
  if (!spec) return tl::unexpected<error>(spec.error());
  if (spec->name != present.spec.name)
    return fail(errc::invalid_spec, "a service cannot change its name", "/name");
  auto wanted = present;
  wanted.spec = std::move(*spec);
  return wanted;
}

result<desired_service> patched(const desired_service& present, const patch_service& c) {
  auto document = c.document;
  if (auto ok = unmask_secrets(document, &present.spec); !ok)
    return tl::unexpected<error>(ok.error());
  auto wanted = with(present, document);
  if (wanted && c.programs == may_run::no_programs && runs_program(wanted->spec) &&
      needs_restart(present.spec, wanted->spec))
    return program_refused();
  return wanted;
}

result<desired_service> undone(const desired_service& present, const undo_rollout& c) {
  if (needs_restart(present.spec, c.failed)) return fail(errc::cancelled, "changed meanwhile");
  auto wanted = present;
  take_process_fields(wanted.spec, c.before);
  return wanted;
}

desired_service declared(const present_service& present, const follow_declaration& c) {
  auto wanted = c.wanted;
  if (present.wanted && !present.wanted->removed && !wanted.removed)
    wanted.enabled = present.wanted->enabled;
  return wanted;
}

desired_service enabled(desired_service wanted, bool yes) {
  wanted.enabled = yes;
  return wanted;
}

json masked(json document, std::span<const std::string> secret_params) {
  mask_secrets(document, secret_params);
  return document;
}

constexpr std::string_view words[] = {"add",   "patch",        "remove",  "scale",
                                      "start", "stop",         "restart", "reload",
                                      "reset", "undo_rollout", "declare"};
static_assert(std::size(words) == std::variant_size_v<desired_change>);

}  // namespace

add_service addition(json document, may_run programs) {
  auto named = document.is_object() ? document.find("name") : document.end();
  std::string name;
  if (named != document.end() && named->is_string()) name = named->get<std::string>();
  return {std::move(name), std::move(document), programs};
}

const std::string& service_of(const desired_change& c) noexcept {
  return std::visit([](auto& one) -> const std::string& { return one.name; }, c);
}

std::string_view word_of(const desired_change& c) noexcept { return words[c.index()]; }

json to_json(const desired_change& c, std::span<const std::string> secret_params) {
  json document{{"change", word_of(c)}, {"service", service_of(c)}};
  std::visit(overloaded{
                 [&](const add_service& one) {
                   document["document"] = masked(one.document, secret_params);
                 },
                 [&](const patch_service& one) {
                   document["document"] = masked(one.document, secret_params);
                 },
                 [&](const scale_service& one) { document["instances"] = one.instances; },
                 [&](const follow_declaration& one) {
                   if (one.wanted.removed)
                     document["removed"] = true;
                   else
                     document["document"] = masked(to_json(one.wanted.spec), secret_params);
                 },
                 [](const auto&) {},
             },
             c);
  return document;
}

result<desired_service> apply(const present_service& present, const desired_change& c) {
  if (auto add = std::get_if<add_service>(&c)) return added(present, *add);
  if (auto declaration = std::get_if<follow_declaration>(&c))
    return declared(present, *declaration);
  auto& name = service_of(c);
  if (std::holds_alternative<remove_service>(c) && !present.wanted && present.set_aside)
    return desired_service{.spec = {.name = name}, .removed = true};
  if (!present.wanted || present.wanted->removed) return no_such(name);
  auto& wanted = *present.wanted;
  using outcome = result<desired_service>;
  return std::visit(overloaded{
                        [](const add_service&) -> outcome { return {}; },
                        [](const follow_declaration&) -> outcome { return {}; },
                        [&](const patch_service& one) { return patched(wanted, one); },
                        [&](const remove_service&) -> outcome {
                          auto gone = wanted;
                          gone.removed = true;
                          return gone;
                        },
                        [&](const scale_service& one) -> outcome {
                          auto number = scaled(one.instances, wanted.spec.instances);
                          if (!number) return tl::unexpected<error>(number.error());
                          return with(wanted, {{"instances", *number}});
                        },
                        [&](const start_service&) -> outcome { return enabled(wanted, true); },
                        [&](const stop_service&) -> outcome { return enabled(wanted, false); },
                        [&](const restart_service&) -> outcome { return enabled(wanted, true); },
                        [&](const reload_service&) -> outcome { return enabled(wanted, true); },
                        [&](const reset_service&) -> outcome { return wanted; },
                        [&](const undo_rollout& one) { return undone(wanted, one); },
                    },
                    c);
}

goal goal_of(const desired_change& c) noexcept {
  return std::visit(overloaded{
                        [](const patch_service&) { return goal::as_specified; },
                        [](const scale_service&) { return goal::as_specified; },
                        [](const reload_service&) { return goal::as_specified; },
                        [](const remove_service&) { return goal::gone; },
                        [](const start_service&) { return goal::ready; },
                        [](const restart_service&) { return goal::ready; },
                        [](const stop_service&) { return goal::at_rest; },
                        [](const follow_declaration& one) {
                          return one.wanted.removed ? goal::gone : goal::as_specified;
                        },
                        [](const auto&) { return goal::none; },
                    },
                    c);
}

bool reached(goal g, const std::optional<service_progress>& p) noexcept {
  switch (g) {
    case goal::none:
      return true;
    case goal::gone:
      return !p;
    case goal::at_rest:
      return !p || p->at_rest;
    case goal::ready:
      return p && p->ready;
    case goal::as_specified:
      if (!p || p->rolling) return false;
      if (p->rolled_back) return true;  // as it was before
      return p->instances == p->wanted && (!p->enabled || p->ready);
  }
  return false;
}

}  // namespace sm
