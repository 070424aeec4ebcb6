#include "security/role_rules.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

using texts = std::vector<std::string>;

const account_names host{[](const std::string& name) -> std::optional<uid_t> {
                           if (name == "alice" || name == "1000") return 1000;
                           return std::nullopt;
                         },
                         [](const std::string& name) -> std::optional<gid_t> {
                           if (name == "ops") return 50;
                           if (name == "dev") return 51;
                           return std::nullopt;
                         }};

peer_roles resolved(const texts& rules) {
  return peer_roles::resolve(read_role_rules(rules, "s").value(), host, "s").value();
}

std::string mistake(const texts& rules) {
  auto read = read_role_rules(rules, "http.socket_roles");
  if (!read) return to_string(read.error());
  auto known = peer_roles::resolve(*read, host, "http.socket_roles");
  return known ? "" : to_string(known.error());
}

}  // namespace

TEST(role_rules, a_rule_names_a_user_or_a_group_and_a_role) {
  EXPECT_EQ(read_role_rules(texts{"alice=operator", "@ops = viewer", "uri:a=b=admin"}, "s").value(),
            (std::vector<role_rule>{{"alice", false, api_role::operate},
                                    {"ops", true, api_role::viewer},
                                    {"uri:a=b", false, api_role::admin}}));
}

TEST(role_rules, what_is_none_is_told_with_the_setting) {
  for (auto& [rules, why] : std::vector<std::pair<texts, std::string>>{
           {{"alice"}, "'alice' is no rule"},
           {{"alice=root"}, "'alice=root' ends with no role"},
           {{"=admin"}, "'=admin' names nobody"},
           {{"@=admin"}, "'@=admin' names nobody"},
           {{"alice=viewer", "alice=admin"}, "'alice=admin' is about who has a rule already"},
           {{"alice=viewer", "1000=admin"}, "'1000' is another name"}}) {
    auto told = mistake(rules);
    EXPECT_NE(told.find(why), std::string::npos) << told;
    EXPECT_NE(told.find("http.socket_roles"), std::string::npos) << told;
  }
}

TEST(role_rules, a_users_own_rule_counts_before_those_of_groups) {
  auto roles = resolved({"alice=viewer", "@ops=operator", "@dev=admin"});
  EXPECT_EQ(roles.role_of(1000, std::vector<gid_t>{50, 51}), api_role::viewer);
  EXPECT_EQ(roles.role_of(1001, std::vector<gid_t>{7, 50}), api_role::operate);
  EXPECT_EQ(roles.role_of(1001, std::vector<gid_t>{51, 50}), api_role::admin);
  EXPECT_EQ(roles.role_of(1001, std::vector<gid_t>{7}), std::nullopt);
  EXPECT_EQ(roles.role_of(1001, {}), std::nullopt);
}

TEST(role_rules, who_is_not_known_has_no_role_and_harms_nobody) {
  auto roles = resolved({"bob=admin", "alice=viewer", "@wheel=admin"});
  EXPECT_EQ(roles.unknown(), (std::vector<std::string>{"user 'bob'", "group 'wheel'"}));
  EXPECT_EQ(roles.role_of(1000, {}), api_role::viewer);
}

TEST(role_rules, of_a_certificates_names_the_one_with_the_highest_role_counts) {
  auto rules = read_role_rules(texts{"*=viewer", "ci.example=operator", "root=admin"}, "s").value();
  auto of = [&](const texts& names) {
    auto found = role_of_names(rules, names);
    return found ? found->name + " " + std::string(to_string(found->role)) : "";
  };
  EXPECT_EQ(of({"x", "ci.example", "root"}), "root admin");
  EXPECT_EQ(of({"x", "ci.example"}), "ci.example operator");
  EXPECT_EQ(of({"x"}), "x viewer");
  EXPECT_EQ(of({}), "* viewer");
  rules.erase(rules.begin());
  EXPECT_EQ(of({"x", "*"}), "");
  EXPECT_EQ(of({"*", "root"}), "root admin");
}

}  // namespace sm
