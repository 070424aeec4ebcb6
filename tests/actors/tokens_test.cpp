// Tokens with roles over TCP.
#include <fstream>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class tokens_fixture : public supervision_fixture {
 protected:
  std::string made(const std::string& name, const std::string& role, json extra = json::object()) {
    extra.update({{"name", name}, {"role", role}});
    auto reply = app.api("POST", "/v1/tokens", extra.dump());
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.document().value("secret", "");
  }
  unsigned ask(const std::string& secret, const std::string& method, const std::string& target,
               const std::string& body = "") {
    return app.connect()
        .request(method, target, body, {{"Authorization", "Bearer " + secret}})
        .status;
  }
  json listed(const std::string& name) {
    auto all = app.api("GET", "/v1/tokens").document();
    for (auto& token : all["tokens"])
      if (token["name"] == name) return token;
    return nullptr;
  }
};

}  // namespace

TEST_F(tokens_fixture, each_role_may_what_it_is_for) {
  auto viewer = made("watcher", "viewer"), does = made("deploy", "operator"),
       admin = made("chief", "admin");
  EXPECT_EQ(ask(viewer, "GET", "/v1/services"), 200U);
  EXPECT_EQ(ask(viewer, "GET", "/metrics"), 200U);
  EXPECT_EQ(ask(viewer, "POST", "/v1/services/a/restart"), 403U);
  EXPECT_EQ(ask(viewer, "GET", "/v1/tokens"), 403U);
  EXPECT_EQ(ask(does, "POST", "/v1/services/a/restart?wait=10s"), 200U);
  EXPECT_EQ(ask(does, "PATCH", "/v1/services/a", R"({"tags": ["x"]})"), 403U);
  EXPECT_EQ(ask(does, "POST", "/v1/tokens", R"({"name": "more", "role": "admin"})"), 403U);
  EXPECT_EQ(ask(admin, "PATCH", "/v1/services/a", R"({"tags": ["x"]})"), 200U);
  EXPECT_EQ(ask("sm_nobody", "GET", "/v1/services"), 401U);
  EXPECT_EQ(ask(app.token(), "GET", "/v1/tokens"), 200U) << "the state folder's own is an admin's";
  EXPECT_NE(app.log_of("manager").find("changed by token chief, 127.0.0.1:"), std::string::npos);
  EXPECT_EQ(listed("watcher")["role"], "viewer");
  EXPECT_TRUE(listed("watcher")["last_used"].is_string());
  EXPECT_EQ(viewer.substr(0, 9), listed("watcher")["prefix"]);
}

TEST_F(tokens_fixture, one_for_some_services_sees_and_does_nothing_else) {
  auto does = made("team", "operator", {{"services", "a,x-*"}});
  EXPECT_EQ(listed("team")["services"], "a,x-*");
  auto get = [&](const std::string& method, const std::string& target) {
    return app.connect().request(method, target, "", {{"Authorization", "Bearer " + does}});
  };
  auto services = get("GET", "/v1/services").document()["services"];
  ASSERT_EQ(services.size(), 1U) << services;
  EXPECT_EQ(services[0]["name"], "a");
  EXPECT_EQ(ask(does, "GET", "/v1/services/a"), 200U);
  EXPECT_EQ(ask(does, "GET", "/v1/services/b"), 403U);
  EXPECT_EQ(ask(does, "GET", "/v1/services/nobody"), 403U) << "nor whether there is one";
  EXPECT_EQ(ask(does, "GET", "/v1/services/b:0/logs"), 403U);
  EXPECT_EQ(ask(does, "POST", "/v1/services/a:0/commands/pid"), 200U);
  EXPECT_EQ(ask(does, "POST", "/v1/services/b/commands/pid"), 403U);
  EXPECT_EQ(ask(does, "POST", "/v1/services/a/restart?wait=10s"), 200U);
  EXPECT_EQ(ask(does, "POST", "/v1/services/b/restart"), 403U);
  for (auto select : {"*", "a", "a,b", "tag:none,a", "%3F"}) {
    auto results =
        get("POST", std::string("/v1/commands/pid?select=") + select).document()["results"];
    ASSERT_EQ(results.size(), 1U) << select << results;
    EXPECT_TRUE(results.contains("a")) << select;
  }
  EXPECT_EQ(ask(does, "POST", "/v1/commands/pid?select=b"), 403U);
  app.api("POST", "/v1/services/b/restart?wait=10s");
  auto events = get("GET", "/v1/events/recent").document()["events"];
  EXPECT_GT(events.size(), 0U);
  for (auto& e : events) EXPECT_EQ(e["data"]["service"], "a") << e;
  EXPECT_EQ(get("GET", "/v1/events?held=1").body.find("\"b\""), std::string::npos);
  for (auto target : {"/metrics", "/v1/queues", "/v1/jobs", "/v1/failed", "/readyz?verbose"})
    EXPECT_EQ(ask(does, "GET", target), 403U) << target;
  EXPECT_EQ(ask(does, "POST", "/v1/jobs", R"({"type": "Noop"})"), 403U);
  EXPECT_EQ(ask(does, "POST", "/v1/services", R"({"name": "x-1", "type": "tool"})"), 403U);
}

TEST_F(tokens_fixture, one_that_is_revoked_ends_what_is_on_its_way_and_stays_revoked) {
  auto secret = made("watcher", "viewer"), other = made("other", "viewer");
  auto follow = [&](const std::string& with) {
    auto stream = app.connect();
    stream.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + with +
                "\r\n\r\n");
    EXPECT_NE(stream.receive_until("\r\n\r\n").find("200 OK"), std::string::npos);
    return stream;
  };
  auto cut = follow(secret), goes_on = follow(other);
  ASSERT_EQ(app.api("DELETE", "/v1/tokens/watcher").status, 200);
  made("watcher", "viewer");  // another one of the name, as who rotates them has at once
  EXPECT_EQ(ask(secret, "GET", "/v1/services"), 401U);
  EXPECT_TRUE(cut.closed_within(5s));
  EXPECT_FALSE(goes_on.closed_within(100ms));
  ASSERT_EQ(app.api("DELETE", "/v1/tokens/watcher").status, 200);
  EXPECT_EQ(app.api("DELETE", "/v1/tokens/watcher").status, 404);
  EXPECT_EQ(app.stop(), 0);
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(ask(secret, "GET", "/v1/services"), 401U);
  EXPECT_EQ(ask(other, "GET", "/v1/services"), 200U) << "it outlives its manager";
  EXPECT_EQ(text_of(app.state() / "tokens.json").find(other), std::string::npos);
}

TEST_F(tokens_fixture, who_revokes_his_own_hears_of_it) {
  auto own = made("chief", "admin");
  EXPECT_EQ(ask(own, "DELETE", "/v1/tokens/chief"), 200U);
  EXPECT_EQ(ask(own, "GET", "/v1/services"), 401U);
}

TEST_F(tokens_fixture, one_with_an_end_is_good_until_then) {
  auto secret = made("short", "viewer", {{"expires_in", "1s"}});
  EXPECT_TRUE(listed("short")["expires"].is_string());
  auto stream = app.connect();
  stream.send("GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + secret +
              "\r\n\r\n");
  EXPECT_NE(stream.receive_until("\r\n\r\n").find("200 OK"), std::string::npos);
  EXPECT_TRUE(eventually([&] { return ask(secret, "GET", "/v1/services") == 401U; }));
  EXPECT_TRUE(stream.closed_within(20s)) << "what is on its way ends with it";
}

TEST_F(tokens_fixture, who_guesses_is_told_to_stop_and_keeps_nobody_out) {
  auto connection = app.connect();
  auto guess = [&] {
    return connection.request("GET", "/v1/services", "", {{"Authorization", "Bearer guess"}});
  };
  http_reply reply = guess();
  EXPECT_EQ(reply.status, 401U);
  // More than flow back while it asks.
  for (int i = 0; i < 5000 && reply.status == 401; ++i) reply = guess();
  EXPECT_EQ(reply.status, 429U);
  EXPECT_EQ(reply.headers["retry-after"], "1");
  EXPECT_EQ(reply.document()["code"], "too_many_attempts");
  EXPECT_EQ(ask(app.token(), "GET", "/v1/services"), 200U);
  EXPECT_EQ(connection.request("GET", "/v1/services").status, 401U) << "who shows none";
}

TEST_F(tokens_fixture, what_is_no_token_is_refused_with_the_field) {
  auto where = [&](const std::string& body, int status) {
    auto reply = app.api("POST", "/v1/tokens", body);
    EXPECT_EQ(reply.status, status) << body << reply.body;
    return reply.document().value("where", "");
  };
  EXPECT_EQ(where(R"({"name": "a b", "role": "viewer"})", 422), "/name");
  EXPECT_EQ(where(R"({"name": "a", "role": "king"})", 422), "/role");
  EXPECT_EQ(where(R"({"name": "a"})", 422), "/role");
  EXPECT_EQ(where(R"({"name": "a", "role": "viewer", "expires_in": "soon"})", 422), "/expires_in");
  EXPECT_EQ(where(R"({"name": "a", "role": "viewer", "expires_in": "0s"})", 422), "/expires_in");
  EXPECT_EQ(where(R"({"name": "a", "role": "viewer", "rule": 1})", 422), "/rule");
  made("a", "viewer");
  EXPECT_EQ(where(R"({"name": "a", "role": "admin"})", 409), "a");
}

TEST_F(tokens_fixture, a_file_that_cannot_be_read_lets_nobody_in_and_is_left_alone) {
  auto secret = made("watcher", "viewer");
  EXPECT_EQ(app.stop(), 0);
  auto file = app.state() / "tokens.json";
  auto broken = "[" + text_of(file);
  std::ofstream(file) << broken;
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(ask(secret, "GET", "/v1/services"), 401U);
  EXPECT_EQ(ask(app.token(), "GET", "/v1/services"), 200U);
  EXPECT_EQ(app.api("POST", "/v1/tokens", R"({"name": "b", "role": "viewer"})").status, 503);
  EXPECT_EQ(app.api("GET", "/v1/tokens").status, 503);
  EXPECT_EQ(app.stop(), 0);
  EXPECT_EQ(text_of(file), broken);
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  std::ofstream(file) << broken.substr(1);
  EXPECT_EQ(listed("watcher")["role"], "viewer") << "it is read again when it was mended";
  EXPECT_EQ(ask(secret, "GET", "/v1/services"), 200U);
}

}  // namespace sm::test
