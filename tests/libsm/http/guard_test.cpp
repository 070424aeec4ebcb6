#include "http/guard.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

const guard_policy policy = make_guard_policy("127.0.0.1:9501", {"sm.example"}, "secret");

guard_input from_curl() {
  return {.host = "127.0.0.1:9501", .origin = {}, .sec_fetch_site = {}, .authorization = {}};
}

errc code_of(const guard_input& rq) {
  auto refused = guard(policy, rq);
  return refused ? refused->code : errc::internal;
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

TEST(guard, a_page_of_another_site_may_read_user_routes_but_change_nothing) {
  auto rq = from_curl();
  rq.origin = "http://evil.example";
  EXPECT_EQ(code_of(rq), passes);
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
  rq.management = true;
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
  EXPECT_EQ(code_of({.over_tcp = false,
                     .management = true,
                     .safe_method = false,
                     .host = "anything",
                     .origin = "http://evil.example",
                     .sec_fetch_site = {},
                     .authorization = {}}),
            passes);
}

}  // namespace sm
