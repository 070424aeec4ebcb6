// Tokens for the API over TCP.
#include "text/units.hpp"
#include "verbs_of_one_call.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

table tokens_table(const json& listing) {
  table t{{{"NAME", 0},
           {"ROLE", 0},
           {"BEGINS", 2},
           {"CREATED", 3},
           {"EXPIRES", 1},
           {"LAST USED", 1},
           {"SERVICES", 4}},
          {}};
  auto time_of = [](const json& token, const char* name) {
    auto time = text_in(token, name).substr(0, 19);  // to the second
    return time.empty() ? std::string("never") : time;
  };
  for (auto& token : at(listing, "tokens"))
    t.rows.push_back({{text_in(token, "name"), tone::plain},
                      {text_in(token, "role")},
                      {text_in(token, "prefix") + "..."},
                      {time_of(token, "created")},
                      {time_of(token, "expires")},
                      {time_of(token, "last_used")},
                      {text_in(token, "services").empty() ? "all" : text_in(token, "services")}});
  return t;
}

/// The secret alone goes to stdout, so that it can be written to a file.
result<int> add_token(session& s) {
  auto& name = s.given.operands.front();
  json body{{"name", name}, {"role", s.given.value("role", "viewer")}};
  if (s.given.has("expires")) body["expires_in"] = format_duration(s.given.duration("expires", {}));
  if (s.given.has("services")) body["services"] = s.given.value("services");
  if (s.dry_run()) {
    put("would be made: " + harmless(name) + ", " + body["role"].get<std::string>() + "\n");
    return exits::ok;
  }
  auto answer = s.ask(request_for("tokens.add", {}, {}, print_json(body)));
  if (!answer) return tl::unexpected<error>(answer.error());
  if (s.as_json()) {
    s.show(*answer);
    return exits::ok;
  }
  s.tell(name + ": made, " + body["role"].get<std::string>() + "; its secret is shown this once");
  put(harmless(text_in(*answer, "secret")) + "\n");
  return exits::ok;
}

/// The link alone goes to stdout, so that a browser can be started with it.
result<int> sign_in(session& s) {
  json body = json::object();
  if (s.given.has("role")) body["role"] = s.given.value("role");
  auto answer = s.ask(request_for("sign_ins.add", {}, {}, print_json(body)));
  if (!answer) return tl::unexpected<error>(answer.error());
  if (s.as_json()) {
    s.show(*answer);
    return exits::ok;
  }
  auto minutes = short_time(static_cast<std::int64_t>(number_in(*answer, "expires_in_s")));
  s.tell("signs in once, as " + text_in(*answer, "role") + ", within " + minutes);
  put(harmless(text_in(*answer, "url")) + "\n");
  return exits::ok;
}

}  // namespace

void add_token_verbs(handlers& to) {
  to["dashboard"] = sign_in;
  to["token ls"] = listing("tokens.list", "tokens", tokens_table);
  to["token add"] = add_token;
  to["token remove"] = one_call("tokens.remove", {"name"}, "revoked", "Revoke the token");
}

}  // namespace sm::ctl
