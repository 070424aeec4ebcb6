// The configuration file: what it would change, and carrying that out.
#include "text/units.hpp"
#include "verbs.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

using namespace std::chrono_literals;

json body_of(const session& s) {
  json body = json::object();
  if (s.given.has("overwrite")) body["overwrite"] = true;
  return body;
}

result<json> make_plan(session& s) {
  return s.ask(request_for("config.plan", {}, {}, print_json(body_of(s))));
}

/// The plan on stdout; the exit code it means.
int show_plan(session& s, const json& plan) {
  if (s.as_json())
    s.show(plan, "changes");
  else if (!s.quiet())
    put(plan_text(plan, s.screen.colour));
  if (!plan.at("errors").empty()) return exits::failed;
  return changes_in(plan) == 0 ? exits::ok : exits::changes;
}

result<int> plan(session& s) {
  auto made = make_plan(s);
  // Whatever went wrong: 2 means that there are changes.
  if (!made && exit_code_of(made.error()) == exits::changes) {
    s.complain(made.error());
    return exits::failed;
  }
  if (!made) return tl::unexpected<error>(made.error());
  auto code = show_plan(s, *made);
  if (code == exits::ok) s.tell("nothing would change");
  return code;
}

std::string removed_in(const json& made) {
  std::string names;
  for (auto& change : made.at("changes"))
    if (text_in(change, "action") == "remove" && text_in(change, "kind") == "service")
      names += (names.empty() ? "" : ", ") + text_in(change, "name");
  return names;
}

result<int> show_applied(session& s, const json& applied) {
  if (s.as_json()) s.show(applied, "changes");
  std::vector<int> codes;
  for (auto& change : applied.at("changes")) {
    auto name = text_in(change, "name");
    if (auto reason = change.find("error"); reason != change.end()) {
      error e{errc_from_name(text_in(*reason, "code")).value_or(errc::internal),
              text_in(*reason, "detail"), name};
      s.complain(e);
      codes.push_back(exit_code_of(e));
      continue;
    }
    codes.push_back(exits::ok);
    if (!s.as_json()) s.tell(name + ": " + text_in(change, "action") + ", done");
  }
  for (auto& setting : applied.at("pending_settings"))
    s.tell((setting.is_string() ? setting.get<std::string>() : print_json(setting)) +
           " takes effect by 'smctl daemon reexec'");
  return exit_code_of(codes);
}

result<int> apply(session& s) {
  auto made = make_plan(s);
  if (!made) return tl::unexpected<error>(made.error());
  if (!made->at("errors").empty()) {
    show_plan(s, *made);
    return exits::usage;
  }
  if (!s.as_json() || s.dry_run()) show_plan(s, *made);
  if (s.dry_run()) return exits::ok;
  if (auto removed = removed_in(*made); !removed.empty())
    if (auto ok = s.confirm("Stop and remove " + removed + "?"); !ok)
      return tl::unexpected<error>(ok.error());
  named_values query;
  if (!s.given.has("no-wait"))
    query.emplace_back(
        "wait", format_duration(std::clamp(s.left(), std::chrono::milliseconds{1}, wait_max)));
  auto body = body_of(s);
  body["etag"] = made->at("etag");
  progress shown(s.screen.errors && !s.quiet(), "applying", "the configuration");
  auto applied =
      s.ask(s.client(), request_for("config.apply", {}, query, print_json(body)), s.deadline + 5s);
  shown.clear();
  if (!applied) return tl::unexpected<error>(applied.error());
  return show_applied(s, *applied);
}

}  // namespace

void add_config_verbs(handlers& to) {
  to["plan"] = plan;
  to["apply"] = apply;
}

}  // namespace sm::ctl
