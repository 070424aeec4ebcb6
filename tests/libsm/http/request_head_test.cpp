#include "http/request_head.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

request_head head_with(std::initializer_list<std::pair<const char*, const char*>> fields,
                       unsigned version = 11) {
  request_head head;
  head.method = "POST";
  head.target = "/";
  head.version = version;
  for (auto& [name, value] : fields) head.add(name, value);
  return head;
}

/// The verdict on a request over TCP to the address itself.
std::optional<response> verdict(const char* method, const char* target, const destination& to,
                                std::initializer_list<std::pair<const char*, const char*>> fields,
                                head_limits limits = {.body_max = 100}) {
  static const auto policy = make_guard_policy("127.0.0.1:9501", {}, "secret");
  auto head = head_with(fields);
  head.add("host", "localhost");
  head.method = method;
  return judge(policy, {}, head, read_framing(head).value(), read_target(method, target).value(),
               to, limits, 0)
      .refused;
}

unsigned status(const std::optional<response>& r) { return r ? r->status : 0; }

const destination route{.found = destination::kind::route};
const destination managed{.found = destination::kind::route, .access = route_access::management};
const destination nowhere{};

}  // namespace

TEST(head_scanner, finds_the_end_however_the_bytes_arrive) {
  const std::string text = "GET / HTTP/1.1\r\nHost: x\r\n\r\nbody";
  head_scanner scanner;
  for (std::size_t n = 1; n < text.size() - 4; ++n)
    ASSERT_EQ(scanner.scan(text.substr(0, n)).value(), 0U) << n;
  EXPECT_EQ(scanner.scan(text).value(), text.size() - 4);
  EXPECT_EQ(head_scanner().scan(text).value(), text.size() - 4);
}

TEST(head_scanner, refuses_what_parsers_read_in_different_ways) {
  for (auto* text :
       {"GET / HTTP/1.1\r\nX: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n",
        "GET / HTTP/1.1\nHost: x\n\n", "\n", "\x16\x03\x01", " GET / HTTP/1.1\r\n"})
    EXPECT_EQ(head_scanner().scan(text).error().code, errc::bad_request) << text;
}

TEST(framing, a_body_has_one_length_or_is_chunked) {
  EXPECT_FALSE(read_framing(head_with({{"Host", "x"}}))->has_body());
  EXPECT_EQ(read_framing(head_with({{"Host", "x"}, {"content-length", "12"}}))->length, 12U);
  EXPECT_TRUE(read_framing(head_with({{"Host", "x"}, {"TRANSFER-ENCODING", "Chunked"}}))->chunked);
}

TEST(framing, anything_else_is_refused) {
  for (auto* value : {"", "+5", "-5", "5, 5", "5 5", "0x5", "99999999999999999999", "five"})
    EXPECT_FALSE(read_framing(head_with({{"Host", "x"}, {"Content-Length", value}}))) << value;
  EXPECT_FALSE(
      read_framing(head_with({{"Host", "x"}, {"Content-Length", "5"}, {"Content-Length", "5"}})));
  for (auto* value :
       {"gzip", "gzip, chunked", "chunked, chunked", "xchunked", "chunked;a=b", "identity", ""})
    EXPECT_FALSE(read_framing(head_with({{"Host", "x"}, {"Transfer-Encoding", value}}))) << value;
  EXPECT_FALSE(read_framing(
      head_with({{"Host", "x"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}})));
  EXPECT_FALSE(read_framing(head_with({{"Transfer-Encoding", "chunked"}}, 10)));
}

TEST(framing, http_1_1_has_one_host) {
  EXPECT_EQ(read_framing(head_with({})).error().where, "Host");
  EXPECT_FALSE(read_framing(head_with({{"Host", "a"}, {"host", "a"}})));
  EXPECT_TRUE(read_framing(head_with({}, 10)));
  EXPECT_FALSE(read_framing(head_with({{"Host", "a"}, {"host", "a"}}, 10)));
}

TEST(framing, a_connection_stays_as_the_version_and_the_field_say) {
  auto stays = [](auto fields, unsigned version) {
    return read_framing(head_with(fields, version))->keep_alive;
  };
  using fields = std::initializer_list<std::pair<const char*, const char*>>;
  EXPECT_TRUE(stays(fields{{"Host", "x"}}, 11));
  EXPECT_FALSE(stays(fields{{"Host", "x"}, {"Connection", "upgrade , CLOSE"}}, 11));
  EXPECT_FALSE(stays(fields{}, 10));
  EXPECT_TRUE(stays(fields{{"Connection", "Keep-Alive"}}, 10));
  EXPECT_FALSE(stays(fields{{"Connection", "keep-alive, close"}}, 10));
}

TEST(framing, only_http_1_1_with_a_body_is_told_to_go_on) {
  auto body = std::pair{"Content-Length", "5"};
  auto expect = std::pair{"Expect", "100-Continue"};
  EXPECT_TRUE(read_framing(head_with({{"Host", "x"}, body, expect}))->wants_continue);
  EXPECT_FALSE(read_framing(head_with({{"Host", "x"}, expect}))->wants_continue);
  EXPECT_FALSE(read_framing(head_with({body, expect}, 10))->wants_continue);
}

TEST(request_target, has_an_origin_form_an_absolute_form_and_a_star) {
  auto origin = read_target("GET", "/a/b?c=d?e").value();
  EXPECT_EQ(origin.path, "/a/b");
  EXPECT_EQ(origin.query, "c=d?e");
  auto absolute = read_target("GET", "HTTP://localhost:9501/a?b").value();
  EXPECT_EQ(absolute.authority, "localhost:9501");
  EXPECT_EQ(absolute.path, "/a");
  EXPECT_EQ(absolute.query, "b");
  EXPECT_EQ(read_target("GET", "http://localhost")->path, "/");
  EXPECT_EQ(read_target("GET", "https://localhost?x")->query, "x");
  EXPECT_EQ(read_target("OPTIONS", "*")->path, "*");
  for (auto* wrong : {"*", "", "a", "ftp://x/", "http:///a", "http://user@localhost/", "://x"})
    EXPECT_FALSE(read_target("GET", wrong)) << wrong;
  EXPECT_FALSE(read_target("CONNECT", "localhost:9501"));
}

TEST(judge_head, what_the_path_and_method_say_comes_before_the_body) {
  std::pair big{"Content-Length", "1000"};
  EXPECT_EQ(status(verdict("POST", "/none", nowhere, {big})), 404U);
  destination wrong{.found = destination::kind::wrong_method, .allow = "GET, HEAD, OPTIONS"};
  auto refused = verdict("POST", "/hello", wrong, {big});
  EXPECT_EQ(status(refused), 405U);
  EXPECT_EQ(refused->headers.front().second, "GET, HEAD, OPTIONS");
  EXPECT_EQ(status(verdict("POST", "/v1/services", managed, {big})), 401U);
  EXPECT_EQ(status(verdict("POST", "/v1/none", nowhere, {big})), 401U);
  EXPECT_EQ(status(verdict("POST", "/x", route, {big, {"Sec-Fetch-Site", "cross-site"}})), 403U);
  EXPECT_EQ(status(verdict("POST", "http://evil.example/x", route, {big})), 421U);
  EXPECT_EQ(status(verdict("POST", "/v1/services", managed,
                           {{"Content-Length", "5"},
                            {"Authorization", "Bearer secret"},
                            {"Content-Type", "text/xml"}})),
            415U);
  EXPECT_EQ(status(verdict("POST", "/v1/jobs/import", managed,
                           {{"Content-Length", "5"},
                            {"Authorization", "Bearer secret"},
                            {"Content-Type", "application/x-ndjson"}})),
            0U);
  EXPECT_EQ(status(verdict("POST", "/x", route, {big})), 413U);
  EXPECT_EQ(status(verdict("POST", "/x", route, {{"Content-Length", "100"}})), 0U);
}

TEST(judge_head, without_room_it_is_503_with_retry_after) {
  auto full = verdict("POST", "/x", route, {{"Content-Length", "5"}},
                      {.body_max = 100, .bodies_full = true});
  EXPECT_EQ(status(full), 503U);
  EXPECT_EQ(full->headers.front().first, "Retry-After");
  EXPECT_EQ(status(verdict("GET", "/x", route, {}, {.bodies_full = true})), 0U);
  EXPECT_EQ(status(verdict("GET", "/x", route, {}, {.pending_full = true})), 503U);
}

TEST(judge_head, options_is_answered_for_the_server_and_its_root) {
  EXPECT_EQ(status(verdict("OPTIONS", "*", nowhere, {})), 204U);
  EXPECT_EQ(status(verdict("OPTIONS", "/", nowhere, {})), 204U);
  EXPECT_EQ(status(verdict("OPTIONS", "/none", nowhere, {})), 404U);
}

TEST(judge_head, a_verbose_probe_names_services_and_needs_the_token) {
  destination probe{.found = destination::kind::route, .access = route_access::probe};
  EXPECT_EQ(status(verdict("GET", "/readyz", probe, {})), 0U);
  EXPECT_EQ(status(verdict("GET", "/readyz?verbose", probe, {})), 401U);
  EXPECT_EQ(status(verdict("GET", "/readyz?%76erbose", probe, {})), 401U);
  EXPECT_EQ(status(verdict("GET", "/readyz?verbose", probe, {{"Authorization", "Bearer secret"}})),
            0U);
}

TEST(request_id, one_from_outside_is_plain) {
  EXPECT_TRUE(valid_request_id("5f3a9c01-1b:abc/+="));
  EXPECT_FALSE(valid_request_id(""));
  EXPECT_FALSE(valid_request_id("a b"));
  EXPECT_FALSE(valid_request_id("a\"b"));
  EXPECT_FALSE(valid_request_id(std::string(129, 'a')));
}

TEST(request_head, one_traceparent_counts_and_several_do_not) {
  constexpr auto valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  request_head head;
  EXPECT_FALSE(trace_of(head));
  head.add("TraceParent", valid);
  EXPECT_TRUE(trace_of(head));
  head.add("traceparent", valid);
  EXPECT_FALSE(trace_of(head));
  request_head other;
  other.add("traceparent", "00-nonsense");
  EXPECT_FALSE(trace_of(other));
}

}  // namespace sm
