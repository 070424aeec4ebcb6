// HTTP/1.1 to the letter of RFC 9110 and 9112, spoken byte by byte.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "program.hpp"

namespace sm::test {
using namespace std::chrono_literals;
namespace {

class http_edges : public ::testing::Test {
 protected:
  http_edges() : app(TEST_PROGRAM) {
    EXPECT_TRUE(eventually([&] { return app.all_ready(); }));
  }

  /// The answer to these bytes on a connection of their own.
  http_reply answer_to(const std::string& bytes) {
    last.emplace(app.connect());
    last->send(bytes);
    return last->receive();
  }
  bool closed() { return last->closed_within(5s); }
  bool stays_open() {
    last->send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return last->receive().body == "hello";
  }

  program app;
  std::optional<http_connection> last;
};

}  // namespace

TEST_F(http_edges, http_1_0_is_told_that_the_connection_stays) {
  auto reply = answer_to("GET /hello HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
  EXPECT_EQ(reply.headers["connection"], "keep-alive");
  EXPECT_TRUE(stays_open());
  EXPECT_EQ(answer_to("GET /hello HTTP/1.0\r\n\r\n").headers["connection"], "close");
  EXPECT_TRUE(closed());
}

TEST_F(http_edges, the_absolute_form_is_served_and_its_host_counts) {
  EXPECT_EQ(answer_to("GET http://localhost/hello?x HTTP/1.1\r\nHost: localhost\r\n\r\n").body,
            "hello");
  EXPECT_EQ(answer_to("GET http://evil.example/hello HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
            421);
  EXPECT_EQ(answer_to("GET http://localhost/hello HTTP/1.1\r\nHost: evil.example\r\n\r\n").status,
            200);
}

TEST_F(http_edges, an_empty_line_before_a_request_is_ignored) {
  EXPECT_EQ(answer_to("\r\n\r\nGET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n").body, "hello");
  last->send("\r");
  last->send("\nGET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(last->receive().body, "hello");
}

TEST_F(http_edges, a_body_that_two_parsers_would_end_in_two_places_is_refused_and_closed) {
  for (std::string fields :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Content-Length: 5, 5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: +5\r\n",
        "Host: localhost\r\n", "X-Folded: a\r\n b\r\n", "X-Space : a\r\n", "X-Cr: a\rb\r\n"}) {
    EXPECT_EQ(
        answer_to("POST /point HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n0\r\n\r\n").status,
        400)
        << fields;
    EXPECT_TRUE(closed()) << fields;
  }
  EXPECT_EQ(answer_to("POST /point HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").status,
            400);
}

TEST_F(http_edges, options_is_answered_for_the_server_and_for_its_root) {
  auto all = answer_to("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(all.status, 204);
  EXPECT_NE(all.headers["allow"].find("POST"), std::string::npos);
  EXPECT_EQ(answer_to("OPTIONS / HTTP/1.0\r\n\r\n").status, 204) << "HAProxy's check";
  EXPECT_EQ(answer_to("GET * HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 400);
}

TEST_F(http_edges, nobody_is_told_to_send_a_body_that_will_be_refused) {
  const std::string expects = "Expect: 100-continue\r\nContent-Length: 13\r\n\r\n";
  EXPECT_EQ(answer_to("POST /point HTTP/1.1\r\nHost: evil.example\r\n" + expects).status, 421);
  EXPECT_EQ(answer_to("POST /none HTTP/1.1\r\nHost: localhost\r\n" + expects).status, 404);
  EXPECT_TRUE(closed());
  EXPECT_EQ(answer_to("POST /v1/services HTTP/1.1\r\nHost: localhost\r\n" + expects).status, 401);
  EXPECT_EQ(answer_to("POST /point HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                      "Content-Length: 10000000\r\n\r\n")
                .status,
            413);
  EXPECT_EQ(answer_to("POST /point HTTP/1.0\r\n" + expects + R"({"x":1,"y":2})").status, 200);
}

TEST_F(http_edges, a_request_is_refused_before_its_body_is_read) {
  const std::string much = "Content-Length: 1000000\r\n\r\n";
  EXPECT_EQ(answer_to("POST /none HTTP/1.1\r\nHost: localhost\r\n" + much).status, 404);
  EXPECT_EQ(answer_to("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n" + much).status, 405);
  EXPECT_EQ(answer_to("POST /v1/services HTTP/1.1\r\nHost: localhost\r\n" + much).status, 401);
  EXPECT_EQ(
      answer_to("POST /point HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n" + much)
          .status,
      403);
  EXPECT_EQ(answer_to("POST /v1/services HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
                      "Authorization: Bearer " +
                      app.token() + "\r\n" + much)
                .status,
            415);
  EXPECT_TRUE(closed());
}

TEST_F(http_edges, a_short_body_of_a_refused_request_is_passed_over) {
  EXPECT_EQ(
      answer_to("POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello").status,
      404);
  EXPECT_TRUE(stays_open());
}

TEST_F(http_edges, what_is_no_http_is_answered_at_once) {
  EXPECT_EQ(answer_to(std::string("\x16\x03\x01\x02\x00\x01", 6)).status, 400);
  EXPECT_TRUE(closed());
}

TEST_F(http_edges, a_header_made_of_the_query_adds_no_header) {
  for (std::string stream : {"", "&stream"}) {
    auto reply = answer_to("GET /header?value=x%0d%0aX-Forged:%20y" + stream +
                           " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_EQ(reply.status, 202);
    EXPECT_FALSE(reply.headers.contains("x-forged"));
    EXPECT_FALSE(reply.headers.contains("x-given"));
  }
  EXPECT_EQ(answer_to("GET /header?value=z HTTP/1.1\r\nHost: localhost\r\n\r\n").headers["x-given"],
            "z");
}

TEST_F(http_edges, a_stream_that_throws_ends_its_connection) {
  auto c = app.connect();
  ASSERT_TRUE(c.send("GET /throw/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_NE(c.receive_until("first\n").find(" 200 "), std::string::npos);
  pollfd p{c.fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&p, 1, static_cast<int>(patience.count())), 1);
  char byte = 0;
  EXPECT_EQ(::recv(c.fd(), &byte, 1, 0), -1) << "an end would say that it is whole";
  EXPECT_EQ(errno, ECONNRESET);
  EXPECT_TRUE(eventually([&] {
    return app.log_of("manager").find("GET /throw/stream, its stream") != std::string::npos;
  }));
}

TEST_F(http_edges, what_a_handler_throws_is_in_the_log_under_the_id_that_the_client_gets) {
  auto reply = app.get("/throw");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body.find("a handler threw"), std::string::npos);
  auto id = reply.document()["request_id"].get<std::string>();
  EXPECT_EQ(reply.headers["x-request-id"], id);
  EXPECT_TRUE(eventually([&] {
    auto log = app.log_of("manager");
    auto at = log.find(id);
    return at != log.npos && log.find("a handler threw", at) != log.npos;
  }));
  auto own = app.connect().request("GET", "/throw/command", "", {{"X-Request-Id", "trace-7"}});
  EXPECT_EQ(own.status, 502);
  EXPECT_EQ(own.body.find("as asked"), std::string::npos);
  EXPECT_EQ(own.document()["request_id"], "trace-7");
  EXPECT_TRUE(eventually([&] {
    auto log = app.log_of("manager");
    auto at = log.find("trace-7");
    return at != log.npos && log.find("as asked", at) != log.npos;
  }));
}

TEST_F(http_edges, a_request_id_from_outside_is_used_when_it_is_plain) {
  auto id = [&](const std::string& given) {
    return app.connect().request("GET", "/header", "", {{"X-Request-Id", given}});
  };
  EXPECT_EQ(id("abc-1").body, "abc-1");
  EXPECT_EQ(id("abc-1").headers["x-request-id"], "abc-1");
  EXPECT_NE(id("a \"b").body, "a \"b");
  EXPECT_FALSE(id("a \"b").headers.contains("x-request-id"));
}

TEST_F(http_edges, a_handler_that_holds_the_loop_is_named_in_the_log) {
  EXPECT_EQ(app.get("/block/300").body, "slept");
  EXPECT_TRUE(eventually([&] {
    return app.log_of("manager").find("GET /block/:ms held the loop") != std::string::npos;
  }));
}

TEST_F(http_edges, a_problem_has_the_trace_of_its_own_request) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  auto head = "traceparent: 00-" + trace + "-00f067aa0ba902b7-00\r\n";
  auto c = app.connect();
  // The first is answered later, and from within its answer the second is read.
  ASSERT_TRUE(
      c.send("POST /v1/services/a/commands/later HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
             "Bearer " +
             app.token() + "\r\n" + head +
             "Content-Length: 2\r\n\r\n20"
             "GET /no/such HTTP/1.1\r\nHost: localhost\r\n\r\n"
             "GET /no/such HTTP/1.1\r\nHost: localhost\r\n" +
             head +
             "\r\n"
             "GET /no such HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(c.receive().status, 200);
  auto other = c.receive().document();
  EXPECT_EQ(other["trace_id"].get<std::string>().size(), 32U);
  EXPECT_NE(other["trace_id"], trace);
  EXPECT_EQ(c.receive().document()["trace_id"], trace);
  EXPECT_FALSE(c.receive().document().contains("trace_id")) << "whose head could not be read";
  auto large = app.connect();
  ASSERT_TRUE(large.send("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " +
                         app.token() + "\r\n" + head + "Content-Length: 99999999\r\n\r\n"));
  auto refused = large.receive();
  EXPECT_EQ(refused.status, 413);
  EXPECT_EQ(refused.document()["trace_id"], trace);
}

}  // namespace sm::test
