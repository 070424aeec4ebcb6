// Who changed what, in log/audit.log; who asked what, in log/access.log.
#include <fstream>

#include "log/audit_trail.hpp"
#include "security/access_tokens.hpp"
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class audit_fixture : public supervision_fixture {
 protected:
  audit_fixture() : supervision_fixture({}, {"SM_LOG__ACCESS=true"}) {}

  json entries() { return app.api("GET", "/v1/audit").document()["entries"]; }
  std::vector<std::string> lines_of(const char* file) {
    std::ifstream in(app.state() / "log" / file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
};

}  // namespace

TEST_F(audit_fixture, what_changes_something_is_written_down_and_what_looks_is_not) {
  app.api("GET", "/v1/services");
  app.api("POST", "/v1/services/a/commands/pid");  // traffic
  app.api("POST", "/v1/services/b/stop?wait=10s");
  app.api("POST", "/v1/services/nobody/start");
  auto all = entries();
  ASSERT_EQ(all.size(), 2U) << all;
  EXPECT_EQ(all[0]["operation"], "services.start");
  EXPECT_EQ(all[0]["status"], 404);
  EXPECT_EQ(all[0]["code"], "unknown_service");
  EXPECT_EQ(all[1]["operation"], "services.stop");
  EXPECT_EQ(all[1]["path"], "/v1/services/b/stop");
  EXPECT_EQ(all[1]["status"], 200);
  EXPECT_EQ(all[1]["n"], 1);
}

TEST_F(audit_fixture, who_may_not_is_written_down_too) {
  auto made = app.api("POST", "/v1/tokens", R"({"name": "watcher", "role": "viewer"})").document();
  auto secret = made["secret"].get<std::string>();
  auto ask = [&](const std::string& with) {
    return app.connect()
        .request("POST", "/v1/services/b/stop", "", {{"Authorization", "Bearer " + with}})
        .status;
  };
  EXPECT_EQ(ask(secret), 403);
  EXPECT_EQ(ask("wrong"), 401);
  auto all = entries();
  EXPECT_EQ(all[0]["code"], "unauthorized");
  EXPECT_EQ(all[1]["code"], "forbidden");
  EXPECT_TRUE(all[1]["by"].get<std::string>().starts_with("token watcher, 127.0.0.1:"));
  EXPECT_EQ(all[1]["role"], "viewer");
  EXPECT_NE(all[1]["detail"].get<std::string>().find("'watcher'"), std::string::npos);
  for (auto& line : lines_of("audit.log"))
    EXPECT_EQ(line.find(secret.substr(10)), std::string::npos) << "no secret is in it";
}

TEST_F(audit_fixture, who_shows_nothing_does_not_fill_the_log) {
  for (int i = 0; i < 300; ++i)
    ASSERT_EQ(app.connect().request("POST", "/v1/services/b/stop", "").status, 401);
  // One a second at most, and the next one tells of those that it stands for.
  auto all = entries();
  ASSERT_LT(all.size(), 100U);
  ASSERT_TRUE(eventually([&] {
    app.connect().request("POST", "/v1/services/b/stop", "");
    return entries()[0].value("unwritten", 0U) > 0;
  }));
  std::uint64_t told = 0;
  for (auto& e : entries()) told += 1 + e.value("unwritten", 0U);
  EXPECT_GE(told, 300U);
  app.api("POST", "/v1/services/b/stop?wait=10s");
  EXPECT_EQ(entries()[0]["status"], 200) << "who may is written down each time";
}

TEST_F(audit_fixture, the_chain_goes_on_over_managers) {
  app.api("POST", "/v1/services/b/stop?wait=10s");
  EXPECT_EQ(entries().size(), 1U) << "it is written";
  app.signal(SIGKILL);
  app.wait();
  app.start();
  app.api("POST", "/v1/services/b/start?wait=10s");
  entries();  // they are written
  audit_check check(digest_of_secret);
  for (auto& line : lines_of("audit.log")) EXPECT_TRUE(check.add(line)) << line;
  EXPECT_EQ(check.last()->number, 2U);
}

TEST_F(audit_fixture, the_access_log_has_a_line_for_each_request_and_no_secret) {
  auto made = app.api("POST", "/v1/tokens", R"({"name": "seen", "role": "viewer"})").document();
  auto secret = made["secret"].get<std::string>();
  app.connect().request("GET", "/plain?password=hidden");
  app.api("GET", "/v1/services/a");
  app.connect().request("GET", "/v1/services", "", {{"X-Request-Id", "mine-7"}});
  auto kept = app.connect();
  kept.request("GET", "/v1/services/b", "", {{"Authorization", "Bearer " + secret}});
  kept.request("GET", "/nowhere");
  app.connect().send("nonsense\r\n\r\n");
  app.stop();
  auto lines = lines_of("access.log");
  auto line_with = [&](const std::string& part) {
    for (auto& line : lines)
      if (line.find(part) != line.npos) return json::parse(line);
    ADD_FAILURE() << part;
    return json::object();
  };
  EXPECT_EQ(line_with("\"/plain\"")["method"], "GET");
  EXPECT_EQ(line_with("\"/v1/services/a\"")["route"], "GET /v1/services/:name");
  EXPECT_EQ(line_with("mine-7")["status"], 401);
  auto by_token = line_with("\"/v1/services/b\"")["client"].get<std::string>();
  EXPECT_TRUE(by_token.starts_with("token seen, ")) << by_token;
  auto nobody = line_with("\"/nowhere\"")["client"].get<std::string>();
  EXPECT_EQ(nobody.find("token"), std::string::npos) << nobody;
  for (auto& line : lines) EXPECT_EQ(line.find("hidden"), std::string::npos);
}

}  // namespace sm::test
