#include "http/access_rules.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

const account_names host{[](const std::string& name) -> std::optional<uid_t> {
                           if (name == "alice") return 1000;
                           return std::nullopt;
                         },
                         [](const std::string&) -> std::optional<gid_t> { return std::nullopt; }};

}  // namespace

TEST(access_rules, are_read_from_the_settings) {
  http_config http;
  http.socket_roles = {"alice=operator"};
  http.tls_certificate = "c.pem";
  http.tls_key = "k.pem";
  http.tls_client_ca = "ca.pem";
  http.tls_client_roles = {"ci.example=admin"};
  auto rules = read_access_rules(http, host).value();
  EXPECT_EQ(rules.peers.role_of(1000, {}), api_role::operate);
  EXPECT_EQ(rules.certificates, (std::vector<role_rule>{{"ci.example", false, api_role::admin}}));
}

TEST(access_rules, a_mistake_names_its_setting) {
  http_config tls;
  tls.tls_certificate = "c.pem";
  tls.tls_key = "k.pem";
  auto where = [](const http_config& http) {
    auto read = read_access_rules(http, host);
    return read ? "" : read.error().where;
  };
  EXPECT_EQ(where(tls), "");
  auto http = tls;
  http.socket_roles = {"bob"};
  EXPECT_EQ(where(http), "http.socket_roles");
  http = tls;
  for (auto& path : {std::string("run/x.sock"), std::string("unix:///x.sock"), std::string("@x"),
                     std::string("/run/"), "/" + std::string(107, 'x')}) {
    http.socket = path;
    EXPECT_EQ(where(http), "http.socket") << path;
  }
  http.socket = "/" + std::string(106, 'x');
  EXPECT_EQ(where(http), "");
  http = tls;
  http.tls_client_ca = "ca.pem";
  EXPECT_EQ(where(http), "http.tls_client_ca") << "nobody has a role";
  http.tls_client_roles = {"@ops=viewer"};
  EXPECT_EQ(where(http), "http.tls_client_roles");
  http.tls_client_roles = {"ops=viewer"};
  EXPECT_EQ(where(http), "");
  http.tls_key.clear();
  EXPECT_EQ(where(http), "http.tls_client_ca") << "without TLS";
  http.tls_client_ca.clear();
  EXPECT_EQ(where(http), "http.tls_client_roles") << "without an authority";
}

}  // namespace sm
