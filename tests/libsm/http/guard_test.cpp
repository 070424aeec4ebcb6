#include "http/guard.hpp"

#include <gtest/gtest.h>

#include "security/access_tokens.hpp"

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
  rq.peer = {.over_tcp = false, .role = api_role::admin, .name = "uid 0"};
  rq.access = route_access::management;
  rq.role = api_role::admin;
  rq.safe_method = false;
  rq.host = "anything";
  rq.origin = "http://evil.example";
  EXPECT_EQ(code_of(rq), passes);
  EXPECT_EQ(guard(policy, rq)->role, api_role::admin);
}

TEST(guard, on_a_unix_socket_each_may_what_its_role_lets_it) {
  auto rq = from_curl();
  rq.peer = {.over_tcp = false, .role = api_role::viewer, .name = "uid 1000"};
  rq.access = route_access::management;
  rq.role = api_role::viewer;
  EXPECT_EQ(code_of(rq), passes);
  rq.role = api_role::operate;
  EXPECT_EQ(guard(policy, rq).error().detail, "uid 1000 has the role viewer, this takes operator");
  rq.authorization = "Bearer secret";
  EXPECT_EQ(code_of(rq), errc::forbidden) << "there, who it is counts alone";
}

TEST(guard, who_has_no_role_on_a_unix_socket_learns_that_somebody_is_alive) {
  auto rq = from_curl();
  rq.peer = {.over_tcp = false, .name = "uid 1000"};
  using enum route_access;
  for (auto access : {user, details, management, open, page}) {
    rq.access = access;
    EXPECT_EQ(guard(policy, rq).error().detail, "uid 1000 has no role here; see http.socket_roles");
  }
  rq.access = probe;
  EXPECT_EQ(code_of(rq), passes);
}

TEST(guard, a_certificate_stands_for_the_role_of_its_name) {
  auto rq = from_curl();
  rq.peer = {.role = api_role::operate, .name = "ci.example"};
  rq.access = route_access::management;
  rq.role = api_role::operate;
  rq.safe_method = false;
  EXPECT_EQ(code_of(rq), passes);
  EXPECT_TRUE(guard(policy, rq)->by_peer);
  rq.role = api_role::admin;
  EXPECT_EQ(guard(policy, rq).error().detail,
            "the certificate 'ci.example' has the role operator, this takes admin");
  // A token that is shown counts in its place, also one that is good for nothing.
  rq.authorization = "Bearer secret";
  EXPECT_EQ(guard(policy, rq)->role, api_role::admin);
  rq.authorization = "Bearer wrong";
  EXPECT_EQ(code_of(rq), errc::unauthorized);
  rq.authorization = {};
  rq.host = "evil.example";
  EXPECT_EQ(code_of(rq), errc::misdirected) << "names count for it, too";
}

TEST(guard, a_browser_shows_its_certificate_whoever_made_it_ask) {
  auto rq = from_curl();
  rq.peer = {.role = api_role::admin, .name = "alice"};
  rq.access = route_access::management;
  rq.safe_method = false;
  rq.origin = "https://app.example";  // one that may call
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.safe_method = true;
  EXPECT_EQ(code_of(rq), passes);
  rq.safe_method = false;
  rq.origin = "https://127.0.0.1:9501";
  EXPECT_EQ(code_of(rq), passes) << "a page of this server";
  rq.origin = "https://evil.example";
  rq.safe_method = true;
  EXPECT_EQ(code_of(rq), errc::forbidden);
}

TEST(guard, a_browser_that_has_signed_in_shows_its_cookie) {
  auto rq = from_curl();
  rq.access = route_access::management;
  rq.role = api_role::admin;
  rq.sec_fetch_site = "same-origin";
  for (auto* right : {"sm_session_9501=secret", "theme=dark; sm_session_9501=secret; x=y"}) {
    rq.cookie = right;
    EXPECT_EQ(code_of(rq), passes) << right;
  }
  for (auto* wrong : {"sm_session_9501=secre", "sm_session_9501=", "sm_session=secret",
                      "sm_session_9502=secret", "xsm_session_9501=secret", "sm_session_9501"}) {
    rq.cookie = wrong;
    EXPECT_EQ(code_of(rq), errc::unauthorized) << wrong;
  }
  rq.cookie = "sm_session_9501=secret";
  rq.authorization = "Bearer wrong";
  EXPECT_EQ(code_of(rq), errc::unauthorized) << "what is shown on purpose is looked at alone";
  rq.authorization = "Basic dXNlcjpwYXNz";
  EXPECT_EQ(code_of(rq), passes) << "a proxy's own";
}

TEST(guard, with_the_cookie_alone_only_a_page_of_this_server_may_change_anything) {
  auto rq = from_curl();
  rq.access = route_access::management;
  rq.safe_method = false;
  rq.cookie = "sm_session_9501=secret";
  EXPECT_EQ(code_of(rq), errc::forbidden) << "nobody says who asks";
  for (auto* other : {"cross-site", "same-site", "none"}) {
    rq.sec_fetch_site = other;
    EXPECT_EQ(code_of(rq), errc::forbidden) << other;
  }
  rq.sec_fetch_site = "same-origin";
  EXPECT_EQ(code_of(rq), passes);
  // Over plain HTTP to another host browsers say nothing but the origin.
  rq.sec_fetch_site = "";
  rq.origin = "http://127.0.0.1:9501";
  EXPECT_EQ(code_of(rq), passes);
  rq.origin = "http://127.0.0.1:8080";
  EXPECT_EQ(code_of(rq), errc::forbidden) << "another port of this host is another origin";
  rq.origin = "null";
  EXPECT_EQ(code_of(rq), errc::forbidden);
}

TEST(guard, an_origin_that_may_call_gets_nothing_by_the_cookie) {
  auto rq = from_curl();
  rq.access = route_access::management;
  rq.safe_method = false;
  rq.origin = "https://app.example";
  rq.cookie = "sm_session_9501=secret";
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.authorization = "Bearer secret";
  EXPECT_EQ(code_of(rq), passes);
}

TEST(guard, a_link_on_another_site_leads_to_a_page_as_far_as_signing_in) {
  auto rq = from_curl();
  rq.access = route_access::page;
  rq.sec_fetch_site = "cross-site";
  rq.sec_fetch_mode = "navigate";
  rq.sec_fetch_dest = "document";
  EXPECT_EQ(code_of(rq), errc::unauthorized) << "SameSite=Strict keeps the cookie back";
  rq.sec_fetch_dest = "iframe";
  EXPECT_EQ(code_of(rq), errc::forbidden);
  rq.access = route_access::management;
  rq.sec_fetch_dest = "document";
  EXPECT_EQ(code_of(rq), errc::forbidden) << "there is nothing to read for people";
}

TEST(guard, signing_in_is_open_to_all_but_pages_of_others) {
  auto rq = from_curl();
  rq.access = route_access::open;
  EXPECT_EQ(code_of(rq), passes);
  rq.safe_method = false;
  rq.sec_fetch_site = "cross-site";
  rq.origin = "http://evil.example";
  EXPECT_EQ(code_of(rq), errc::forbidden);
}

TEST(guard, a_route_of_the_program_may_ask_for_a_role) {
  auto rq = from_curl();
  rq.access = route_access::user;
  rq.role = api_role::operate;
  EXPECT_EQ(code_of(rq), errc::unauthorized);
  rq.authorization = "Bearer secret";
  auto passed = guard(policy, rq);
  ASSERT_TRUE(passed);
  EXPECT_EQ(passed->role, api_role::admin);
  rq.role.reset();
  passed = guard(policy, rq);
  ASSERT_TRUE(passed);
  EXPECT_FALSE(passed->role) << "nobody asked";
}

TEST(guard, a_token_for_some_services_is_good_for_no_route_of_the_program) {
  access_tokens tokens;
  ASSERT_TRUE(tokens.add("web", api_role::operate, "sm_web", 1, 0, "web"));
  auto policy = make_guard_policy("127.0.0.1:9501", {}, "secret");
  policy.tokens = &tokens;
  guard_input rq;
  rq.role = api_role::viewer;
  rq.now = 2;
  rq.host = "localhost";
  rq.authorization = "Bearer sm_web";
  EXPECT_EQ(guard(policy, rq).error().code, errc::forbidden);
  rq.role = std::nullopt;
  EXPECT_TRUE(guard(policy, rq)) << "anybody may";
  rq.access = route_access::management;
  EXPECT_TRUE(guard(policy, rq)) << "its operations say more";
}

TEST(guard, two_managers_of_one_host_have_cookies_of_their_own) {
  EXPECT_EQ(session_cookie("127.0.0.1:9501"), "sm_session_9501");
  EXPECT_EQ(session_cookie("[::1]:80"), "sm_session_80");
  EXPECT_EQ(session_cookie(""), "sm_session");
}

}  // namespace sm
