#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <sm/json.hpp>
#include <sm/promise.hpp>
#include <sm/trace.hpp>

#include "telemetry/otlp_client.hpp"
#include "telemetry/span.hpp"
#include "telemetry/span_buffer.hpp"

namespace sm {
namespace {

constexpr std::string_view known = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Somebody takes spans for the time of a test.
struct recorder {
  recorder() {
    record_spans_with([](const span&) {});
  }
  ~recorder() { record_spans_with({}); }
};

/// A share for the time of a test.
struct sampling {
  explicit sampling(double share) { set_trace_sampling(share); }
  ~sampling() { set_trace_sampling(0); }
};

}  // namespace

TEST(traceparent, is_read_and_written_as_w3c_has_it) {
  auto read = read_traceparent(known);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(read->span, 0x00f067aa0ba902b7U);
  EXPECT_TRUE(read->sampled);
  EXPECT_EQ(read->traceparent(), known);
}

TEST(traceparent, of_a_version_to_come_is_read_as_far_as_it_is_known) {
  EXPECT_TRUE(read_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"));
  EXPECT_TRUE(read_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
  EXPECT_FALSE(read_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more"));
  auto other_flags = read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff");
  ASSERT_TRUE(other_flags);
  EXPECT_TRUE(other_flags->sampled);
}

TEST(traceparent, that_is_not_valid_counts_for_nothing) {
  for (auto text : {"", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
                    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                    "00 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                    "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01"})
    EXPECT_FALSE(read_traceparent(text)) << text;
}

TEST(trace, of_none_has_no_text) {
  EXPECT_FALSE(trace_context{});
  EXPECT_EQ(trace_context{}.trace_id(), "");
  EXPECT_EQ(trace_context{}.traceparent(), "");
}

TEST(trace, a_scope_ends_with_its_block) {
  auto outer = *read_traceparent(known);
  trace_scope first(outer);
  {
    trace_scope second(begin_trace());
    EXPECT_NE(current_trace(), outer);
  }
  EXPECT_EQ(current_trace(), outer);
}

TEST(trace, a_continuation_belongs_to_who_waits_and_not_to_who_answers) {
  auto waiting = *read_traceparent(known);
  promise<int> answer;
  trace_context seen;
  {
    trace_scope of_who_waits(waiting);
    answer.then([&](const result<int>&) { seen = current_trace(); });
  }
  trace_scope of_who_answers(begin_trace());
  auto answering = current_trace();
  answer.set_value(1);
  EXPECT_EQ(seen, waiting);
  EXPECT_EQ(current_trace(), answering);
}

TEST(trace, a_share_of_those_that_begin_is_sampled) {
  auto sampled = [](double share) {
    sampling of(share);
    int count = 0;
    for (int i = 0; i < 10'000; ++i) count += begin_trace().sampled ? 1 : 0;
    return count;
  };
  EXPECT_EQ(sampled(0), 0);
  EXPECT_EQ(sampled(1), 10'000);
  auto some = sampled(0.25);
  EXPECT_GT(some, 2000);  // ten standard deviations
  EXPECT_LT(some, 3000);
}

TEST(trace, a_child_has_a_span_of_its_own_where_one_is_recorded) {
  auto parent = *read_traceparent(known);
  EXPECT_EQ(child_of(parent), parent) << "nobody takes it";
  EXPECT_FALSE(is_recorded(parent));
  recorder some;
  EXPECT_TRUE(is_recorded(parent));
  auto child = child_of(parent);
  EXPECT_EQ(child.trace_id(), parent.trace_id());
  EXPECT_NE(child.span, parent.span);
  parent.sampled = false;
  EXPECT_EQ(child_of(parent), parent);
}

TEST(trace, a_forked_child_draws_other_ids) {
  (void)begin_trace();
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  auto pid = ::fork();
  if (pid == 0) {
    auto drawn = begin_trace().trace_low;
    ::_exit(::write(channel[1], &drawn, sizeof drawn) == sizeof drawn ? 0 : 1);
  }
  std::uint64_t theirs = 0;
  ASSERT_EQ(::read(channel[0], &theirs, sizeof theirs), static_cast<ssize_t>(sizeof theirs));
  ::waitpid(pid, nullptr, 0);
  EXPECT_NE(theirs, begin_trace().trace_low);
  ::close(channel[0]);
  ::close(channel[1]);
}

TEST(span, is_written_as_otlp_has_it) {
  using namespace std::chrono_literals;
  span of{.place = *read_traceparent(known),
          .parent = 0xab,
          .role = span::kind::server,
          .name = "GET /a\"b",
          .begin = span::clock::time_point(1700000000s),
          .took = 1500us,
          .attributes = {{"http.route", "/a"}, {"http.response.status_code", std::int64_t{504}}},
          .failure = "timeout",
          .failed = true};
  auto document = json::parse(encode_span(of));
  EXPECT_EQ(document, json::parse(R"({
    "traceId": "4bf92f3577b34da6a3ce929d0e0e4736", "spanId": "00f067aa0ba902b7",
    "parentSpanId": "00000000000000ab", "name": "GET /a\"b", "kind": 2,
    "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000001500000",
    "attributes": [{"key": "http.route", "value": {"stringValue": "/a"}},
                   {"key": "http.response.status_code", "value": {"intValue": "504"}}],
    "status": {"code": 2, "message": "timeout"}})"));
}

TEST(span, shows_the_begin_of_a_long_failure_and_mends_bytes) {
  span of{.place = *read_traceparent(known), .name = "\xff", .failed = true};
  of.failure = std::string(100'000, 'x');
  auto text = encode_span(of);
  EXPECT_LT(text.size(), 2000U);
  EXPECT_TRUE(parse_json(text));
}

TEST(span_buffer, groups_by_who_recorded_them_and_keeps_their_order) {
  span_buffer waiting("tests");
  waiting.add({"web", "web:0"}, R"({"n":1})");
  waiting.add({"smd", "manager"}, R"({"n":2})");
  waiting.add({"web", "web:0"}, R"({"n":3})");
  auto [text, count] = waiting.take(10);
  EXPECT_EQ(count, 3U);
  EXPECT_TRUE(waiting.empty());
  auto document = json::parse(text);
  auto& groups = document["resourceSpans"];
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0]["scopeSpans"][0]["spans"], json::parse(R"([{"n":2}])"));
  EXPECT_EQ(groups[1]["scopeSpans"][0]["spans"], json::parse(R"([{"n":1},{"n":3}])"));
  EXPECT_EQ(groups[1]["resource"]["attributes"][0]["value"]["stringValue"], "tests");
  EXPECT_EQ(groups[1]["resource"]["attributes"][2]["value"]["stringValue"], "web:0");
}

TEST(span_buffer, is_bounded_and_counts_what_it_drops) {
  span_buffer waiting("tests", 10);
  waiting.add({"a", "a:0"}, "12345678");
  waiting.add({"a", "a:0"}, "123");
  EXPECT_EQ(waiting.dropped(), 1U);
  EXPECT_EQ(waiting.take(5).second, 1U);
  waiting.add({"a", "a:0"}, "1234567890");
  EXPECT_EQ(waiting.take(5).second, 1U);
  EXPECT_EQ(waiting.take(5).first, "");
}

TEST(otlp, an_endpoint_is_completed) {
  auto bare = read_otlp_endpoint("http://collector");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->host + " " + bare->port + " " + bare->path, "collector 4318 /v1/traces");
  auto whole = read_otlp_endpoint("http://[::1]:99/otlp/x");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->host + " " + whole->port + " " + whole->path, "::1 99 /otlp/x");
  for (auto text : {"", "collector:4318", "https://collector", "http://", "http://a:b", "ftp://x"})
    EXPECT_FALSE(read_otlp_endpoint(text)) << text;
}

TEST(otlp, a_reply_says_whether_it_is_tried_again) {
  using kind = otlp_outcome::kind;
  EXPECT_EQ(outcome_of_otlp(200, "{}").how, kind::accepted);
  EXPECT_EQ(outcome_of_otlp(200, "{}").why, "");
  EXPECT_EQ(
      outcome_of_otlp(200, R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"old"}})").why,
      "it refused 2 spans: old");
  for (unsigned status : {429U, 502U, 503U, 504U})
    EXPECT_EQ(outcome_of_otlp(status, "").how, kind::later) << status;
  EXPECT_EQ(outcome_of_otlp(400, R"({"code":3,"message":"bad"})").why, "it answered 400: bad");
  EXPECT_EQ(outcome_of_otlp(500, "").how, kind::refused);
}

}  // namespace sm
