// What must hold of a specification as a whole; what must hold of a field stands in its row.
#include <algorithm>
#include <sm/service_spec.hpp>

#include "process/probe.hpp"
#include "process/start_variables.hpp"
#include "schema/spec_fields.hpp"
#include "service/group_spec.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds type_start_timeout{10'000};
constexpr milliseconds program_start_timeout{90'000};  // systemd's DefaultTimeoutStartSec

constexpr std::size_t spec_max = 512 << 10;  // bytes, as JSON

tl::unexpected<error> bad(const std::string& where, std::string detail) {
  return fail(errc::invalid_spec, std::move(detail), where);
}

/// As it is for the first instance.
result<void> validate_target(const std::string& kind, const std::string& target,
                             const std::string& where) {
  if (kind != "tcp" && kind != "http") return {};
  auto filled_in = with_variables(
      target, {{"SM_SERVICE", "x"}, {"SM_INSTANCE", "x"}, {"SM_INSTANCE_NUMBER", "0"}});
  if (auto parsed = parse_probe_target(kind, filled_in); !parsed)
    return bad(where + "/target", parsed.error().detail);
  return {};
}

result<void> validate_program(const service_spec& s) {
  if (!s.type.empty() && s.type != program_type)
    return bad("/command", "a service is either of a type or a command");
  if (auto ok = validate_target(s.ready.kind, s.ready.target, "/ready"); !ok) return ok;
  return validate_target(s.health.kind, s.health.target, "/health");
}

/// What would otherwise be taken for granted and have no effect.
result<void> validate_type(const service_spec& s) {
  if (!s.sockets.empty()) return bad("/sockets", "only a service with a command inherits sockets");
  if (s.kill_mode != service_spec{}.kill_mode)
    return bad("/kill_mode", "only a service with a command has one");
  if (!s.pid_file.empty()) return bad("/pid_file", "only a service with a command has one");
  for (auto [given, where] : {std::pair{s.no_new_privileges, "/no_new_privileges"},
                              {s.private_tmp, "/private_tmp"},
                              {!s.capability_bounding_set.empty(), "/capability_bounding_set"},
                              {!s.system_call_filter.empty(), "/system_call_filter"}})
    if (given) return bad(where, "only a service with a command is confined");
  if (s.type.empty()) return bad("/type", "must not be empty, unless there is a command");
  return {};
}

result<void> validate_names(const service_spec& s) {
  for (auto [names, where] : {std::pair{&s.after, "/after"}, {&s.requires_, "/requires"}})
    if (std::find(names->begin(), names->end(), s.name) != names->end())
      return bad(where, "'" + s.name + "' cannot depend on itself");
  return {};
}

}  // namespace

result<void> validate(const service_spec& s) {
  if (auto ok = check_fields(&s, rows_of<service_spec>()); !ok) return ok;
  if (auto ok = s.command.empty() ? validate_type(s) : validate_program(s); !ok) return ok;
  if (auto ok = validate_names(s); !ok) return ok;
  if (s.backoff.max < s.backoff.min) return bad("/backoff/max", "must not be less than min");
  // It travels to its process in one message, which must be under 1 MiB.
  auto params = print_json(s.params).size();
  if (params + size_at_most(&s, rows_of<service_spec>()) > spec_max)
    if (auto size = print_json(to_json(s)).size(); size > spec_max)
      return bad(params > size / 2 ? "/params" : "",
                 "makes a specification of " + std::to_string(size) + " bytes, more than " +
                     std::to_string(spec_max));
  return {};
}

void complete(service_spec& spec) {
  bool program = !spec.command.empty();
  if (program && spec.type.empty()) spec.type = program_type;
  if (spec.start_timeout.count() == 0)
    spec.start_timeout = program ? program_start_timeout : type_start_timeout;
}

bool runs_program(const service_spec& spec) noexcept {
  return !spec.command.empty() || spec.type == program_type;
}

bool starts_first(const service_spec& spec) noexcept {
  if (spec.reload.order == "auto") return !spec.sockets.empty() || spec.instances > 1;
  return spec.reload.order == "start-first";
}

json to_json(const service_spec& spec) { return to_fields(spec); }

json to_short_json(const service_spec& spec) {
  static const service_spec defaults;
  return write_changed_fields(&spec, &defaults, rows_of<service_spec>());
}

json to_json(const group_spec& group) { return to_fields(group); }

result<group_spec> group_from_json(const json& document, group_spec base) {
  auto group = from_fields(document, std::move(base));
  if (!group) return group;
  if (auto ok = check_name(group->name); !ok) return bad("", ok.error().detail);
  return group;
}

result<service_spec> spec_from_json(const json& document, service_spec base) {
  if (auto ok = read_fields(document, &base, rows_of<service_spec>()); !ok)
    return tl::unexpected<error>(std::move(ok.error()));
  if (document.contains("start_timeout") && base.start_timeout.count() < 1)
    return bad("/start_timeout", "must be at least 1ms");
  complete(base);
  if (auto ok = validate(base); !ok) return tl::unexpected<error>(std::move(ok.error()));
  return base;
}

namespace {

/// Whether a process, or that of a program's adapter, is made by the field.
bool makes_processes(const field_row& row, bool program) {
  return row.rules.renews == renewal::process ||
         (program && row.rules.renews == renewal::process_of_program);
}

}  // namespace

bool needs_restart(const service_spec& a, const service_spec& b) {
  auto rows = rows_of<service_spec>();
  return std::any_of(rows.begin(), rows.end(), [&](auto& row) {
    return makes_processes(row, !a.command.empty()) && !row.type->equal(row.in(&a), row.in(&b));
  });
}

void take_process_fields(service_spec& to, const service_spec& from) {
  for (auto& row : rows_of<service_spec>())
    if (makes_processes(row, false)) row.type->assign(row.in(&to), row.in(&from));
}

}  // namespace sm
