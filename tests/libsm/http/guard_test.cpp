#include "http/guard.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

const guard_policy policy = make_guard_policy(
    "127.0.0.1:9501", {.hosts = {"sm.example"}, .origins = {"https://app.example"}}, "secret");

guard_input from_curl() {
  guard_input rq;
  rq.host = "127.0.0.1:9501";
  return rq;
}

errc code_of(const guard_input& rq) {
  auto passed = guard(policy, rq);
  return passed ? errc::internal : passed.error().code;
}
constexpr errc passes = errc::internal;

}  // namespace

TEST(guard, a_user_route_needs_no_token) { EXPECT_EQ(code_of(from_curl()), passes); }

TEST(guard, only_known_host_names_are_served) {
  for (auto* host : {"localhost", "LOCALHOST:9501", "[::1]:9501", "sm.example:80", "127.0.0.1"}) {
    auto rq = from_curl();
    rq.host = host;
    EXPECT_EQ(code_of(rq), passes) << host;
  }
  for (auto* host : {"evil.example", "127.0.0.1.evil.example", "[::2]", ":9501"}) {
    auto rq = from_curl();
    rq.host = host;
    EXPECT_EQ(code_of(rq), errc::misdirected) << host;
  }
}

TEST(guard, http_1_1_needs_a_host) {
  auto rq = from_curl();
  rq.host = "";
  EXPECT_EQ(code_of(rq), errc::bad_request);
  rq.http_1_1 = false;
  EXPECT_EQ(code_of(rq), passes);
}

TEST(guard, of_another_site_a_link_may_be_followed_and_nothing_else) {
  auto rq = from_curl();
  rq.sec_fetch_site = "cross-site";
  rq.sec_fetch_mode = "navigate";
  rq.sec_fetch_dest = "document";
  EXPECT_EQ(code_of(rq), passes);
  rq.sec_fetch_dest = "iframe";
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.sec_fetch_dest = "image";
  rq.sec_fetch_mode = "no-cors";
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.sec_fetch_dest = "document";
  rq.sec_fetch_mode = "navigate";
  rq.safe_method = false;
  EXPECT_EQ(code_of(rq), errc::forbidden) << "a form of another site";
}

TEST(guard, pages_of_a_configured_origin_may_call) {
  auto rq = from_curl();
  rq.sec_fetch_site = "cross-site";
  rq.sec_fetch_mode = "cors";
  rq.origin = "https://app.example";
  rq.safe_method = false;
  EXPECT_EQ(code_of(rq), passes);
  rq.origin = "https://app.example.evil.example";
  EXPECT_EQ(code_of(rq), errc::forbidden);
}

TEST(guard, names_of_services_need_the_token_unless_they_are_open) {
  auto rq = from_curl();
  rq.access = route_access::details;
  EXPECT_EQ(code_of(rq), errc::unauthorized);
  rq.authorization = "Bearer secret";
  EXPECT_EQ(code_of(rq), passes);
  rq.authorization = {};
  EXPECT_TRUE(guard(make_guard_policy("127.0.0.1:9501", {.open_metrics = true}, "secret"), rq));
}

TEST(guard, a_page_of_another_site_changes_and_reads_nothing) {
  auto rq = from_curl();
  rq.origin = "http://evil.example";
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.safe_method = false;
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.origin = "null";
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.origin = "http://127.0.0.1:9501";
  EXPECT_EQ(code_of(rq), passes);
  rq.sec_fetch_site = "cross-site";
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.sec_fetch_site = "same-origin";
  EXPECT_EQ(code_of(rq), passes);
}

TEST(guard, the_management_api_needs_the_token_on_tcp) {
  auto rq = from_curl();
  rq.access = route_access::management;
  EXPECT_EQ(code_of(rq), errc::unauthorized);
  for (auto* wrong :
       {"Bearer", "Bearer ", "Bearer secre", "Bearer secret2", "Basic secret", "secret"}) {
    rq.authorization = wrong;
    EXPECT_EQ(code_of(rq), errc::unauthorized) << wrong;
  }
  for (auto* right : {"Bearer secret", "bearer secret"}) {
    rq.authorization = right;
    EXPECT_EQ(code_of(rq), passes);
  }
  rq.origin = "http://evil.example";
  EXPECT_EQ(code_of(rq), errc::forbidden);
}

TEST(guard, on_the_unix_socket_the_peers_uid_is_the_login) {
  auto rq = from_curl();
  rq.over_tcp = false;
  rq.access = route_access::management;
  rq.safe_method = false;
  rq.host = "anything";
  rq.origin = "http://evil.example";
  EXPECT_EQ(code_of(rq), passes);
}

}  // namespace sm
