// What a listener's clients may use, and who may do what.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <vector>

#include "program.hpp"

namespace sm::test {
using namespace std::chrono_literals;
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

http_reply with_token(const program& app, const std::string& method, const std::string& target,
                      const json& body = nullptr) {
  return app.connect().request(method, target, body.is_null() ? "" : body.dump(),
                               {{"Authorization", "Bearer " + app.token()}});
}

const json sleeper{{"name", "sleeper"},
                   {"command", {"sleep", "1000"}},
                   {"env", {{"KEY", "hunter2"}}},
                   {"ready", {{"kind", "delay"}, {"delay", "1ms"}}}};

}  // namespace

TEST(http_limits, strangers_with_half_a_head_leave_the_unix_socket_free) {
  program app(TEST_PROGRAM, {"--set", "http.connections_max=20"});
  std::vector<http_connection> half;
  for (int i = 0; i < 30; ++i) {
    half.push_back(app.connect());
    half.back().send("GET /hello HTTP/1.1\r\n");
  }
  EXPECT_EQ(app.api("GET", "/v1/services").status, 200);
}

TEST(http_limits, a_slow_route_of_the_program_keeps_neither_probe_nor_management_waiting) {
  program app(TEST_PROGRAM, {"--set", "http.pending_max=5"});
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  std::vector<http_connection> slow;
  for (int i = 0; i < 5; ++i) {
    slow.push_back(app.connect());
    slow.back().send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  http_reply refused;
  EXPECT_TRUE(eventually([&] { return (refused = app.get("/hello")).status == 503; }));
  EXPECT_EQ(refused.headers["retry-after"], "1");
  EXPECT_EQ(app.get("/healthz").status, 200);
  EXPECT_EQ(with_token(app, "GET", "/v1/services").status, 200);
  EXPECT_EQ(app.api("GET", "/hello").status, 200);
}

TEST(http_limits, a_handler_that_throws_after_its_answer_has_answered) {
  program app(TEST_PROGRAM, {"--set", "http.pending_max=1"});
  auto c = app.connect();
  for (int n = 0; n < 3; ++n) {
    auto reply = c.request("GET", "/twice");
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "once");
  }
  auto next = c.request("GET", "/hello");
  EXPECT_EQ(next.status, 200) << "nothing is counted as on its way";
  EXPECT_EQ(next.body, "hello");
}

TEST(http_limits, bodies_are_bounded_together_and_what_ends_makes_room) {
  // A body's memory is doubled from whatever came first, so one of 200,000 bytes has up to twice as
  // many; and two have more than this.
  program app(TEST_PROGRAM, {"--set", "http.bodies_max=399990"});
  const std::string head =
      "POST /point HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n";
  auto one = app.connect(), two = app.connect();
  for (auto* c : {&one, &two}) c->send(head + std::string(199'999, ' '));
  // There is room for one of them only; the other goes on.
  pollfd both[] = {{one.fd(), POLLIN, 0}, {two.fd(), POLLIN, 0}};
  ASSERT_EQ(::poll(both, 2, 20'000), 1);
  auto& refused = both[0].revents != 0 ? one : two;
  auto& kept = both[0].revents != 0 ? two : one;
  auto reply = refused.receive();
  EXPECT_EQ(reply.status, 503);
  EXPECT_EQ(reply.headers["retry-after"], "1");
  kept.send(" ");
  EXPECT_EQ(kept.receive().status, 400) << "blanks are no JSON";
  kept.send(head + std::string(199'987, ' ') + R"({"x":1,"y":2})");
  EXPECT_EQ(kept.receive().document()["sum"], 3);
}

TEST(http_limits, what_is_announced_takes_no_room) {
  program app(TEST_PROGRAM, {"--set", "http.bodies_max=300000"});
  std::vector<http_connection> announced;
  for (int i = 0; i < 10; ++i) {
    announced.push_back(app.connect());
    announced.back().send(
        "POST /point HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n{");
  }
  EXPECT_EQ(app.connect().request("POST", "/point", R"({"x":1,"y":2})").status, 200);
}

namespace {

/// A connection that keeps its descriptor.
http_connection unfinished_request(const program& app) {
  auto c = app.connect();
  c.send("GET /hello HTTP/1.1\r\n");
  return c;
}

/// Lets the manager open so many more descriptors, and some that it closes just now. What it holds
/// in reserve must be below the limit, so numbers that are free between others are taken first.
std::vector<http_connection> leave_descriptors(const program& app, std::size_t count) {
  std::vector<http_connection> held;
  rlimit limit{};
  EXPECT_TRUE(eventually([&] {
    std::set<int> open;
    for (auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(app.pid()) + "/fd"))
      open.insert(std::stoi(entry.path().filename()));
    limit.rlim_cur = limit.rlim_max = open.size() + count;
    if (*open.rbegin() + 1 == static_cast<int>(open.size())) return true;
    held.push_back(unfinished_request(app));
    app.get("/healthz");  // accepted after it
    return false;
  }));
  EXPECT_EQ(::prlimit(app.pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
  return held;
}

class few_descriptors : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    // libubsan of GCC 12 looks by way of a pipe whether it may read an object's vptr, and reports
    // the object when there is no descriptor for that.
    GTEST_SKIP()
        << "UndefinedBehaviorSanitizer itself needs two descriptors for each check of a vptr";
#endif
    ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  }
  program app{TEST_PROGRAM};
};

}  // namespace

TEST_F(few_descriptors, the_last_one_serves_one_connection_after_the_other) {
  auto held = leave_descriptors(app, 1);
  std::optional<http_connection> before;
  for (int i = 0; i < 50; ++i) {
    auto c = app.connect();
    for (int n = 0; n < 2; ++n) EXPECT_EQ(c.request("GET", "/hello").status, 200) << i;
    before = std::move(c);  // is idle, and gives its own
  }
}

TEST_F(few_descriptors, without_one_both_listeners_answer) {
  auto held = leave_descriptors(app, 0);
  // What is sent after the close resets the connection, and may take the answer with it.
  auto refused = [&] {
    try {
      held.push_back(unfinished_request(app));
      auto reply = app.get("/hello");
      return reply.status == 503 && reply.document()["code"] == "overloaded";
    } catch (const std::exception&) {
      return false;
    }
  };
  EXPECT_TRUE(eventually(refused));
  auto served = [&] {
    try {
      return app.api("GET", "/v1/services").status == 200;
    } catch (const std::exception&) {
      return false;
    }
  };
  int answers = 0;
  for (int i = 0; i < 50; ++i) answers += served() ? 1 : 0;
  EXPECT_GE(answers, 45) << "the reserve is one descriptor, and is filled again after each";
}

TEST(http_access, over_tcp_no_program_is_added_or_changed) {
  program app(TEST_PROGRAM);
  auto refused = with_token(app, "POST", "/v1/services", sleeper);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.document()["where"], "/command");
  EXPECT_EQ(app.api("POST", "/v1/services", sleeper.dump()).status, 201);
  for (json change : {json{{"command", {"sleep", "2"}}}, json{{"env", {{"LD_PRELOAD", "x"}}}},
                      json{{"user", "nobody"}}})
    EXPECT_EQ(with_token(app, "PATCH", "/v1/services/sleeper", change).status, 403) << change;
  EXPECT_EQ(
      with_token(app, "PATCH", "/v1/services/b", {{"type", ""}, {"command", {"true"}}}).status,
      403);
  EXPECT_EQ(with_token(app, "PATCH", "/v1/services/sleeper", {{"instances", 2}}).status, 200);
}

TEST(http_access, a_setting_allows_programs_over_tcp) {
  program app(TEST_PROGRAM, {"--set", "http.programs=true"});
  EXPECT_EQ(with_token(app, "POST", "/v1/services", sleeper).status, 201);
}

TEST(http_access, values_of_the_environment_are_not_shown_and_survive_being_sent_back) {
  program app(TEST_PROGRAM);
  ASSERT_EQ(app.api("POST", "/v1/services", sleeper.dump()).status, 201);
  EXPECT_TRUE(eventually([&] { return app.service("sleeper").value("ready", false); }));
  auto shown = app.api("GET", "/v1/services/sleeper");
  EXPECT_EQ(shown.body.find("hunter2"), std::string::npos);
  auto pid = app.instance_pid("sleeper");
  auto env = shown.document()["spec"]["env"];
  EXPECT_EQ(app.api("PATCH", "/v1/services/sleeper", json{{"env", env}}.dump()).status, 200);
  EXPECT_EQ(app.instance_pid("sleeper"), pid) << "nothing changed, so nothing was restarted";
  auto variables = text_of("/proc/" + std::to_string(pid) + "/environ");
  EXPECT_NE(variables.find("KEY=hunter2"), std::string::npos);
}

TEST(http_access, the_command_line_shows_no_password) {
  program app(TEST_PROGRAM, {"--set", "queue.url=redis://:hunter2@127.0.0.1:1/0"});
  auto shown = [](pid_t pid) { return text_of("/proc/" + std::to_string(pid) + "/cmdline"); };
  EXPECT_NE(shown(app.pid()).find("127.0.0.1:1/0"), std::string::npos);
  EXPECT_EQ(shown(app.pid()).find("hunter2"), std::string::npos);
  for (auto pid : app.descendants()) EXPECT_EQ(shown(pid).find("hunter2"), std::string::npos);
  for (auto* target : {"/v1/services", "/v1/services/consumer.default", "/v1/queues"})
    EXPECT_EQ(app.api("GET", target).body.find("hunter2"), std::string::npos) << target;
}

TEST(http_access, metrics_and_the_verbose_probe_need_the_token_on_tcp_unless_they_are_open) {
  program app(TEST_PROGRAM);
  EXPECT_EQ(app.get("/metrics").status, 401);
  EXPECT_EQ(app.get("/readyz?verbose").status, 401);
  EXPECT_NE(app.get("/readyz").status, 401);
  EXPECT_EQ(with_token(app, "GET", "/metrics").status, 200);
  EXPECT_EQ(app.api("GET", "/metrics").status, 200);
  program open(TEST_PROGRAM, {"--set", "http.open_metrics=true"});
  EXPECT_EQ(open.get("/metrics").status, 200);
}

}  // namespace sm::test
