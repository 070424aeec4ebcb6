#include "security/role_rules.hpp"

#include <algorithm>

#include "text/ascii.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

result<role_rule> read_role_rule(std::string_view text, const std::string& setting) {
  auto wrong = [&](const std::string& why) {
    return fail(errc::invalid_spec, in_quotes(text) + " " + why, setting);
  };
  // A name may hold the sign, as a part of a certificate's URI does; a role holds none.
  auto sign = text.rfind('=');
  if (sign == text.npos) return wrong("is no rule; write for example 'alice=operator'");
  auto role = parse_role(trimmed(text.substr(sign + 1)));
  if (!role) return wrong("ends with no role: viewer, operator or admin");
  role_rule rule{std::string(trimmed(text.substr(0, sign))), false, *role};
  if (rule.who.starts_with('@')) {
    rule.group = true;
    rule.who.erase(0, 1);
  }
  if (rule.who.empty()) return wrong("names nobody");
  return rule;
}

}  // namespace

result<std::vector<role_rule>> read_role_rules(std::span<const std::string> texts,
                                               const std::string& setting) {
  std::vector<role_rule> rules;
  for (auto& text : texts) {
    auto rule = read_role_rule(text, setting);
    if (!rule) return tl::unexpected<error>(rule.error());
    for (auto& before : rules)
      if (before.who == rule->who && before.group == rule->group)
        return fail(errc::invalid_spec, in_quotes(text) + " is about who has a rule already",
                    setting);
    rules.push_back(std::move(*rule));
  }
  return rules;
}

result<peer_roles> peer_roles::resolve(std::span<const role_rule> rules, const account_names& names,
                                       const std::string& setting) {
  peer_roles all;
  for (auto& rule : rules) {
    auto put = [&](auto& of, auto id) {
      if (!id) {
        all.unknown_.push_back((rule.group ? "group " : "user ") + in_quotes(rule.who));
        return result<void>();
      }
      if (!of.emplace(*id, rule.role).second)
        return result<void>(fail(errc::invalid_spec,
                                 in_quotes(rule.who) + " is another name of who has a rule already",
                                 setting));
      return result<void>();
    };
    auto ok = rule.group ? put(all.groups_, names.group(rule.who))
                         : put(all.users_, names.user(rule.who));
    if (!ok) return tl::unexpected<error>(ok.error());
  }
  return all;
}

std::optional<api_role> peer_roles::role_of(uid_t user, std::span<const gid_t> groups) const {
  if (auto own = users_.find(user); own != users_.end()) return own->second;
  std::optional<api_role> highest;
  for (auto group : groups)
    if (auto found = groups_.find(group); found != groups_.end())
      highest = std::max(highest.value_or(found->second), found->second);
  return highest;
}

std::optional<named_role> role_of_names(std::span<const role_rule> rules,
                                        std::span<const std::string> names) {
  std::optional<named_role> highest;
  const role_rule* any = nullptr;
  for (auto& rule : rules) {
    if (rule.who == "*") {
      any = &rule;
    } else if (std::find(names.begin(), names.end(), rule.who) != names.end()) {
      if (!highest || highest->role < rule.role) highest = named_role{rule.who, rule.role};
    }
  }
  if (!highest && any) return named_role{names.empty() ? "*" : names.front(), any->role};
  return highest;
}

}  // namespace sm
