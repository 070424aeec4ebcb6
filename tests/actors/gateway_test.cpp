// The HTTP server against clients that misbehave.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <csignal>
#include <random>
#include <thread>

#include "program.hpp"

namespace sm::test {
using namespace std::chrono_literals;
namespace {

class gateway_fixture : public ::testing::Test {
 protected:
  gateway_fixture()
      : app(TEST_PROGRAM, {"--set", "http.header_timeout=300ms", "--set", "http.body_timeout=300ms",
                           "--set", "http.request_timeout=1s", "--set", "http.idle_timeout=30s"}) {
    EXPECT_TRUE(eventually([&] { return app.all_ready(); }));
  }

  /// Another client's requests go on.
  void others_are_served() {
    EXPECT_EQ(app.get("/hello").body, "hello");
    EXPECT_EQ(app.get("/gather").document()["complete"], true);
  }

  program app;
};

}  // namespace

TEST_F(gateway_fixture, routes_answer_text_json_nothing_and_promises) {
  auto hello = app.get("/hello");
  EXPECT_EQ(hello.status, 200);
  EXPECT_EQ(hello.headers["content-type"], "text/plain; charset=utf-8");
  EXPECT_TRUE(hello.headers.contains("date"));
  EXPECT_EQ(app.connect().request("POST", "/point", R"({"x":1,"y":2})").document()["sum"], 3);
  auto misfit = app.connect().request("POST", "/point", R"({"x":1})");
  EXPECT_EQ(misfit.status, 422);
  EXPECT_EQ(misfit.headers["content-type"], "application/problem+json");
  EXPECT_EQ(app.get("/empty").status, 204);
  EXPECT_EQ(app.get("/later").body, "\"later\"");
  auto thrown = app.get("/throw");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.document()["detail"], "");  // its words are for the log
}

TEST_F(gateway_fixture, an_unknown_path_is_404_and_a_wrong_method_405_with_allow) {
  EXPECT_EQ(app.get("/none").status, 404);
  auto wrong = app.connect().request("DELETE", "/hello");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers["allow"], "GET, HEAD, OPTIONS");
  auto options = app.connect().request("OPTIONS", "/hello");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers["allow"], "GET, HEAD, OPTIONS");
}

TEST_F(gateway_fixture, head_has_the_length_but_no_body) {
  auto c = app.connect();
  auto head = c.request("HEAD", "/hello");
  EXPECT_EQ(head.headers["content-length"], "5");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(c.request("GET", "/hello").body, "hello") << "the connection is still in step";
}

TEST_F(gateway_fixture, pipelined_requests_are_answered_in_order) {
  auto c = app.connect();
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += i % 10 == 0 ? "GET /gather HTTP/1.1\r\nHost: localhost\r\n\r\n"
                       : "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
  ASSERT_TRUE(c.send(all));
  for (int i = 0; i < 200; ++i) {
    auto reply = c.receive();
    EXPECT_EQ(reply.body == "hello", i % 10 != 0) << i;
  }
}

TEST_F(gateway_fixture, http_1_0_and_connection_close_end_the_connection) {
  auto old = app.connect();
  old.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_EQ(old.receive().body, "hello");
  EXPECT_TRUE(old.closed_within(5s));
  auto closing = app.connect();
  EXPECT_EQ(closing.request("GET", "/hello", "", {{"Connection", "close"}}).headers["connection"],
            "close");
  EXPECT_TRUE(closing.closed_within(5s));
}

TEST_F(gateway_fixture, a_thousand_random_bytes_are_answered_400) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::string bytes;
    for (int i = 0; i < 1000; ++i) bytes += static_cast<char>(random());
    auto c = app.connect();
    c.send(bytes + "\r\n\r\n");
    EXPECT_EQ(c.receive().status, 400);
    EXPECT_TRUE(c.closed_within(5s));
    others_are_served();
  }
}

TEST_F(gateway_fixture, a_body_of_100_megabytes_is_answered_413_without_being_taken_in) {
  auto c = app.connect();
  c.send("POST /point HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n");
  std::string chunk(1 << 20, 'x');
  std::thread writer([&] {
    for (int i = 0; i < 100 && c.send(chunk); ++i) {
    }
  });
  auto reply = c.receive();
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.document()["code"], "payload_too_large");
  others_are_served();
  ::shutdown(c.fd(), SHUT_RDWR);
  writer.join();
  auto chunked = app.connect();
  chunked.send("POST /point HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < 3; ++i) chunked.send("80000\r\n" + std::string(0x80000, 'x') + "\r\n");
  EXPECT_EQ(chunked.receive().status, 413);
}

TEST_F(gateway_fixture, a_header_that_never_ends_is_answered_431) {
  auto c = app.connect();
  c.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n");
  for (int i = 0; i < 200; ++i)
    if (!c.send("X-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n")) break;
  EXPECT_EQ(c.receive().status, 431);
  others_are_served();
}

TEST_F(gateway_fixture, a_request_that_arrives_a_byte_at_a_time_is_answered_408) {
  auto slow = app.connect();
  auto unfinished = app.connect();
  unfinished.send("POST /point HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{");
  std::thread dripper([&] {
    // A byte every 50 ms: each well within any idle timeout, the whole far beyond the header's.
    for (char c : std::string("GET /hello HTTP/1.1\r\nHost: localhost\r\n"))
      if (!slow.send(std::string(1, c)) || slow.closed_within(50ms)) return;
  });
  others_are_served();
  EXPECT_EQ(unfinished.receive().status, 408);
  dripper.join();
  EXPECT_EQ(slow.receive().status, 408);
  others_are_served();
}

TEST(gateway, five_thousand_idle_connections_give_way_to_new_ones) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  program app(TEST_PROGRAM);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  // More than connections_max of 4096: the longest idle ones are closed.
  std::vector<http_connection> idle;
  for (int i = 0; i < 5000; ++i) {
    idle.push_back(app.connect());
    if (i % 500 == 0) {
      EXPECT_EQ(app.get("/gather").document()["complete"], true);
    }
  }
  EXPECT_EQ(app.get("/gather").document()["complete"], true);
  EXPECT_TRUE(idle.front().closed_within(5s));
  EXPECT_EQ(idle.back().request("GET", "/hello").body, "hello");
}

TEST_F(gateway_fixture, a_foreign_host_is_answered_421) {
  EXPECT_EQ(app.connect().request("GET", "/hello", "", {{"Host", "evil.example"}}).status, 421);
  auto none = app.connect();
  none.send("GET /hello HTTP/1.1\r\n\r\n");
  EXPECT_EQ(none.receive().status, 400);
}

TEST_F(gateway_fixture, a_cross_origin_post_is_answered_403) {
  EXPECT_EQ(app.connect()
                .request("POST", "/point", R"({"x":1,"y":2})", {{"Origin", "http://evil.example"}})
                .status,
            403);
  EXPECT_EQ(app.connect()
                .request("POST", "/point", R"({"x":1,"y":2})", {{"Sec-Fetch-Site", "cross-site"}})
                .status,
            403);
}

TEST_F(gateway_fixture, the_management_api_needs_the_token_on_tcp_and_the_uid_on_the_socket) {
  EXPECT_EQ(app.get("/v1/services").status, 401);
  EXPECT_EQ(app.get("/v1/none").status, 401);
  EXPECT_EQ(
      app.connect().request("GET", "/v1/services", "", {{"Authorization", "Bearer wrong"}}).status,
      401);
  EXPECT_EQ(app.connect()
                .request("GET", "/v1/services", "", {{"Authorization", "Bearer " + app.token()}})
                .status,
            200);
  EXPECT_EQ(app.api("GET", "/v1/services").status, 200);
  EXPECT_EQ(app.get("/healthz").status, 200);
  EXPECT_EQ(app.api("GET", "/v1/services").headers["cache-control"], "no-store");
}

TEST_F(gateway_fixture, a_body_that_is_no_json_type_is_answered_415) {
  http_connection c((app.state() / "sm.sock").string());
  EXPECT_EQ(c.request("POST", "/v1/services", "<x/>", {{"Content-Type", "text/xml"}}).status, 415);
}

TEST_F(gateway_fixture, a_handler_that_never_answers_is_answered_for_with_504) {
  EXPECT_EQ(app.get("/never").status, 504);
}

TEST_F(gateway_fixture, an_expectation_of_100_continue_is_met) {
  auto c = app.connect();
  c.send(
      "POST /point HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "13\r\n\r\n");
  EXPECT_EQ(c.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  c.send(R"({"x":1,"y":2})");
  EXPECT_EQ(c.receive().document()["sum"], 3);
}

TEST_F(gateway_fixture, requests_in_flight_finish_while_the_manager_stops) {
  auto c = app.connect();
  c.send("GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return app.get("/hello").status == 200; }));
  app.signal(SIGTERM);
  auto reply = c.receive();
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "\"later\"");
  EXPECT_EQ(reply.headers["connection"], "close");
  EXPECT_EQ(app.wait(), 0);
}

TEST_F(gateway_fixture, events_stream_and_resume_by_their_index) {
  http_connection c((app.state() / "sm.sock").string());
  c.send("GET /v1/events?type=service.state&since=0 HTTP/1.1\r\nHost: x\r\n\r\n");
  auto header = c.receive_until("\r\n\r\n");
  EXPECT_NE(header.find("text/event-stream"), std::string::npos);
  auto first = c.receive_until("\n\n");
  EXPECT_NE(first.find("event: service.state"), std::string::npos);
  ASSERT_EQ(::kill(app.instance_pid("a"), SIGKILL), 0);
  std::string text;
  while (text.find("\"restarts\":1") == text.npos) text = c.receive_until("\n\n");
  auto index = std::stoi(text.substr(text.find("id: ") + 4));

  http_connection again((app.state() / "sm.sock").string());
  again.send("GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: " + std::to_string(index - 1) +
             "\r\n\r\n");
  again.receive_until("\r\n\r\n");
  EXPECT_EQ(again.receive_until("\n\n"), text);
  http_connection wrong((app.state() / "sm.sock").string());
  EXPECT_EQ(wrong.request("GET", "/v1/events?since=x").status, 422);

  http_connection held((app.state() / "sm.sock").string());
  held.send("GET /v1/events?held=1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(held.receive_until(text.substr(text.find("id: "))), "");
  auto closed = [&] { return held.closed_within(100ms); };
  EXPECT_TRUE(eventually(closed)) << "it ends by itself, behind what came since";
}

TEST_F(gateway_fixture, a_listen_address_of_other_hosts_needs_insecure) {
  auto line = std::string(TEST_PROGRAM) + " --listen 0.0.0.0:0 --state " +
              (app.state() / "other").string() + " 2> " + (app.state() / "words").string();
  EXPECT_EQ(WEXITSTATUS(std::system(line.c_str())), 2);
}

}  // namespace sm::test
