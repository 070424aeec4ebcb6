// The dashboard's routes, sessions, and what pages are made of.
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class dashboard_fixture : public supervision_fixture {
 protected:
  using headers = std::map<std::string, std::string>;

  http_reply ask(const std::string& method, const std::string& target, const headers& with = {},
                 const std::string& body = "") {
    return app.connect().request(method, target, body, with);
  }
  /// The code of a new link.
  std::string code(const std::string& role = "admin") {
    auto made = app.api("POST", "/v1/sign-ins", json{{"role", role}}.dump());
    EXPECT_EQ(made.status, 201) << made.body;
    auto url = made.document()["url"].get<std::string>();
    return url.substr(url.find("code=") + 5);
  }
  http_reply sign_in(const std::string& form) {
    return ask("POST", "/ui/sign-in", {{"Content-Type", "application/x-www-form-urlencoded"}},
               form);
  }
  /// "name=secret" of what a browser would send from now on.
  std::string session(const std::string& role = "admin") {
    auto reply = sign_in("code=" + code(role));
    EXPECT_EQ(reply.status, 303) << reply.body;
    auto cookie = reply.headers["set-cookie"];
    return cookie.substr(0, cookie.find(';'));
  }
};

}  // namespace

TEST_F(dashboard_fixture, who_has_not_signed_in_is_asked_to) {
  auto reply = ask("GET", "/ui/services?q=a");
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.headers["content-type"], "text/html; charset=utf-8");
  EXPECT_EQ(reply.headers["www-authenticate"], "Bearer");
  EXPECT_NE(reply.body.find("value=\"/ui/services?q=a\""), std::string::npos);
  EXPECT_EQ(ask("GET", "/ui/services", {{"Authorization", "Bearer wrong"}}).status, 401);
  auto first = ask("GET", "/");
  EXPECT_EQ(first.status, 303);
  EXPECT_EQ(first.headers["location"], "/ui");
}

TEST_F(dashboard_fixture, a_link_signs_in_once) {
  auto c = code();
  EXPECT_EQ(ask("GET", "/ui/sign-in?code=" + c).status, 200) << "what looks does not use it up";
  auto reply = sign_in("code=" + c + "&next=%2Fui%2Fevents");
  EXPECT_EQ(reply.status, 303) << reply.body;
  EXPECT_EQ(reply.headers["location"], "/ui/events");
  auto cookie = reply.headers["set-cookie"];
  for (auto* part : {"; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"})
    EXPECT_NE(cookie.find(part), std::string::npos) << cookie;
  EXPECT_EQ(sign_in("code=" + c).status, 401);
  auto with = cookie.substr(0, cookie.find(';'));
  EXPECT_EQ(ask("GET", "/ui/services", {{"Cookie", with}}).status, 200);
  EXPECT_EQ(ask("GET", "/v1/services", {{"Cookie", with}}).status, 200);
}

TEST_F(dashboard_fixture, with_the_cookie_a_page_of_this_server_alone_changes_anything) {
  auto with = session();
  EXPECT_EQ(ask("POST", "/v1/services/b/stop", {{"Cookie", with}}).status, 403);
  EXPECT_EQ(ask("POST", "/v1/services/b/stop", {{"Cookie", with}, {"Sec-Fetch-Site", "same-site"}})
                .status,
            403);
  EXPECT_EQ(ask("POST", "/v1/services/b/stop?wait=10s",
                {{"Cookie", with}, {"Sec-Fetch-Site", "same-origin"}})
                .status,
            200);
}

TEST_F(dashboard_fixture, a_session_has_a_role_and_an_end) {
  auto viewer = session("viewer");
  headers with{{"Cookie", viewer}, {"Sec-Fetch-Site", "same-origin"}};
  EXPECT_EQ(ask("POST", "/v1/services/b/stop", with).status, 403);
  EXPECT_EQ(ask("POST", "/v1/sign-ins", with, R"({"role": "admin"})").status, 403);
  EXPECT_EQ(ask("POST", "/v1/sign-ins", with, R"({"role": "lord"})").status, 422);
  EXPECT_EQ(ask("POST", "/v1/sign-ins", with).document()["role"], "viewer");
  auto page = ask("GET", "/ui/services", with).body;
  EXPECT_NE(page.find("id=\"service-a\""), std::string::npos);
  EXPECT_EQ(page.find("data-verb"), std::string::npos);
  auto listed = app.api("GET", "/v1/tokens").document()["tokens"];
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0]["session"], true);
  EXPECT_TRUE(listed[0]["expires"].is_string());
  EXPECT_EQ(ask("POST", "/ui/sign-out", with).status, 204);
  EXPECT_EQ(ask("GET", "/ui", with).status, 401);
  EXPECT_TRUE(app.api("GET", "/v1/tokens").document()["tokens"].empty());
}

TEST_F(dashboard_fixture, a_token_signs_in_as_far_as_it_goes) {
  auto made = app.api("POST", "/v1/tokens", R"({"name": "ops", "role": "operator"})").document();
  auto reply = sign_in("token=" + made["secret"].get<std::string>());
  EXPECT_EQ(reply.status, 303);
  EXPECT_EQ(sign_in("token=wrong").status, 401);
  EXPECT_EQ(sign_in("").status, 401);
  auto cookie = reply.headers["set-cookie"];
  headers with{{"Cookie", cookie.substr(0, cookie.find(';'))}, {"Sec-Fetch-Site", "same-origin"}};
  EXPECT_EQ(ask("GET", "/ui/manager", with).body.find("Tokens and sessions"), std::string::npos)
      << "an operator is told nothing of tokens";
  app.api("DELETE", "/v1/tokens/ops");
  EXPECT_EQ(ask("GET", "/ui", with).status, 401);
}

TEST_F(dashboard_fixture, whose_token_is_revoked_has_no_session_and_no_link_left) {
  auto made = app.api("POST", "/v1/tokens", R"({"name": "temp", "role": "operator"})").document();
  headers by{{"Authorization", "Bearer " + made["secret"].get<std::string>()}};
  auto code_of = [](http_reply reply) {
    auto url = reply.document()["url"].get<std::string>();
    return url.substr(url.find("code=") + 5);
  };
  auto used = code_of(ask("POST", "/v1/sign-ins", by));
  auto kept = code_of(ask("POST", "/v1/sign-ins", by));
  auto cookie = sign_in("code=" + used).headers["set-cookie"];
  headers with{{"Cookie", cookie.substr(0, cookie.find(';'))}};
  EXPECT_EQ(ask("GET", "/ui", with).status, 200);
  app.api("DELETE", "/v1/tokens/temp");
  EXPECT_EQ(ask("GET", "/ui", with).status, 401);
  EXPECT_EQ(sign_in("code=" + kept).status, 401);
  EXPECT_TRUE(app.api("GET", "/v1/tokens").document()["tokens"].empty());
}

TEST_F(dashboard_fixture, a_link_of_another_site_is_followed_once_more_from_here) {
  headers from_elsewhere{{"Sec-Fetch-Site", "cross-site"},
                         {"Sec-Fetch-Mode", "navigate"},
                         {"Sec-Fetch-Dest", "document"}};
  auto reply = ask("GET", "/ui/services/a", from_elsewhere);
  EXPECT_EQ(reply.status, 401);
  EXPECT_NE(reply.body.find("http-equiv=\"refresh\""), std::string::npos);
  from_elsewhere["Sec-Fetch-Dest"] = "iframe";
  EXPECT_EQ(ask("GET", "/ui/services/a", from_elsewhere).status, 403);
}

TEST_F(dashboard_fixture, pages_show_what_runs_and_say_what_is_not_there) {
  auto page = app.api("GET", "/ui/services/a");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("<h1><span class=\"state good\">RUNNING</span> a</h1>"),
            std::string::npos);
  EXPECT_NE(page.body.find("<option value=\"echo\">"), std::string::npos);
  EXPECT_EQ(app.api("GET", "/ui/services/nobody").status, 404);
  EXPECT_EQ(app.api("GET", "/ui/nothing").status, 404);
  // A name that a page could take for something else.
  EXPECT_EQ(app.api("GET", "/ui/services/..%2F..%2Fv1%2Ftokens").status, 404);
}

TEST_F(dashboard_fixture, files_of_pages_are_kept_for_as_long_as_they_stay_the_same) {
  auto file = ask("GET", "/ui/assets/live.js");
  EXPECT_EQ(file.status, 200);
  EXPECT_EQ(file.headers["cache-control"], "no-cache");
  auto tag = file.headers["etag"];
  EXPECT_EQ(ask("GET", "/ui/assets/live.js", {{"If-None-Match", tag}}).status, 304);
  EXPECT_EQ(ask("GET", "/ui/assets/live.js?" + tag.substr(1, 16)).headers["cache-control"],
            "public, max-age=31536000, immutable");
}

TEST_F(dashboard_fixture, a_route_of_the_program_may_ask_for_a_role) {
  EXPECT_EQ(ask("GET", "/for/operators").status, 401);
  headers with{{"Cookie", session("viewer")}};
  EXPECT_EQ(ask("GET", "/for/operators", with).status, 403);
  with["Cookie"] = session("operator");
  EXPECT_EQ(ask("GET", "/for/operators", with).body, "operator");
  EXPECT_EQ(app.api("GET", "/for/operators").body, "admin");
}

TEST_F(dashboard_fixture, a_gather_is_told_as_it_comes) {
  auto told = [&](const std::string& command) {
    auto stream = app.connect();
    stream.send("POST /v1/commands/" + command + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " +
                "Bearer " + app.token() + "\r\nContent-Length: 0\r\n\r\n");
    auto all = stream.receive_until("event: end\ndata: {\"complete\":");
    return all + stream.receive_until("}");
  };
  auto all = told("name?stream=1&select=a,b");
  EXPECT_NE(all.find("Content-Type: text/event-stream"), std::string::npos) << all;
  auto targets = all.find("event: targets\ndata: [\"a\",\"b\"]\n\n");
  EXPECT_NE(targets, std::string::npos) << all;
  for (auto* answer : {R"({"name":"a","answer":{"ok":true,"result":"a/a:0",)",
                       R"({"name":"b","answer":{"ok":true,"result":"b/b:0",)"}) {
    auto place = all.find("event: answer\ndata: " + std::string(answer));
    EXPECT_NE(place, std::string::npos) << all;
    EXPECT_GT(place, targets);
  }
  EXPECT_TRUE(all.ends_with("true}")) << all;
  EXPECT_EQ(app.api("POST", "/v1/commands/name?stream=1&select=nobody").status, 404);
  auto late = told("never?stream=1&timeout=50ms&select=a");
  EXPECT_NE(late.find(R"("code":"timeout")"), std::string::npos);
  EXPECT_TRUE(late.ends_with("false}")) << late;
}

TEST_F(dashboard_fixture, what_has_happened_lately_is_a_list) {
  app.api("POST", "/v1/services/b/stop?wait=10s");
  auto all = app.api("GET", "/v1/events/recent?type=service.*&service=b").document()["events"];
  ASSERT_GE(all.size(), 3U);
  for (auto& event : all) EXPECT_EQ(event["data"]["service"], "b");
  EXPECT_EQ(all.back()["data"]["state"], "STOPPED");
  EXPECT_TRUE(all.back()["data"]["time"].is_string());
  EXPECT_LT(all[0]["index"], all[1]["index"]);
  EXPECT_EQ(app.api("GET", "/v1/events/recent?limit=1").document()["events"].size(), 1U);
  EXPECT_TRUE(app.api("GET", "/v1/events/recent?type=job.*").document()["events"].empty());
}

TEST_F(dashboard_fixture, a_listing_comes_in_parts_if_it_is_asked_for_so) {
  auto part = app.api("GET", "/v1/services?q=%3F&limit=1").document();
  EXPECT_EQ(part["services"].size(), 1U);
  EXPECT_EQ(part["total"], 2);
  EXPECT_EQ(part["next"], 1);
  part = app.api("GET", "/v1/services?q=%3F&limit=1&offset=1").document();
  EXPECT_EQ(part["services"][0]["name"], "b");
  EXPECT_TRUE(part["next"].is_null());
  EXPECT_FALSE(app.api("GET", "/v1/services").document().contains("total"));
}

}  // namespace sm::test
