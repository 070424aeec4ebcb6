// The queue's decisions: which queues, when again, how many.
#include <gtest/gtest.h>

#include <limits>

#include "queue/autoscale.hpp"
#include "queue/consumer/prefetch.hpp"
#include "queue/consumer/retry.hpp"
#include "queue/failure_record.hpp"
#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/queue_limit.hpp"
#include "queue/queue_order.hpp"
#include "queue/redis/redis_url.hpp"
#include "queue/transfer.hpp"
#include "queue/unix_time.hpp"

namespace sm {
using namespace std::chrono_literals;
using list = std::vector<std::string>;

TEST(queue_order, names_keep_their_order_and_patterns_stand_for_what_is_there) {
  list known{"mail", "b", "a", "mail_1", "mail_2"};
  EXPECT_EQ(queue_order({"high", "a"}, known), (list{"high", "a"}));
  EXPECT_EQ(queue_order({"*"}, known), (list{"a", "b", "mail", "mail_1", "mail_2"}));
  EXPECT_EQ(queue_order({"b", "*"}, known), (list{"b", "a", "mail", "mail_1", "mail_2"}));
  EXPECT_EQ(queue_order({"mail_*"}, known), (list{"mail_1", "mail_2"}));
  EXPECT_EQ(queue_order({"mail_[13]"}, known), (list{"mail_1"}));
  EXPECT_EQ(queue_order({"{a,b}"}, known), (list{"a", "b"}));
  EXPECT_EQ(queue_order({"*", "!mail*", "!b"}, known), (list{"a"}));
  EXPECT_EQ(queue_order({"a", "!a"}, known), list{});
  EXPECT_FALSE(has_patterns({"a", "!b*x"}) && !has_patterns({"!b*x"}));
}

TEST(queue_order, what_is_no_pattern_says_so) {
  for (auto* good : {"a", "*", "!a", "a*", "{a,b}"})
    EXPECT_EQ(check_queue_pattern(good), "") << good;
  for (auto* bad : {"", "!", "a b", "a\n"}) EXPECT_NE(check_queue_pattern(bad), "") << bad;
  std::string braces;
  for (int i = 0; i < 7; ++i) braces += "{a,b}";
  EXPECT_EQ(check_queue_pattern(braces), "");
  EXPECT_NE(check_queue_pattern(braces + "{a,b}").find("more than 128 alternatives"),
            std::string::npos);
  for (int i = 0; i < 40; ++i) braces += "{,}";
  EXPECT_NE(check_queue_pattern(braces), "");
}

TEST(unix_time, what_passed_since_a_stored_time_is_never_beyond_64_bits) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(elapsed_ms(1'000, 1'250), 250);
  EXPECT_EQ(elapsed_ms(1'250, 1'000), 0);
  EXPECT_EQ(elapsed_ms(least, 1'000), most);
  EXPECT_EQ(elapsed_ms(most, least), 0);
  EXPECT_EQ(tokens_now({.rate = 5}, 1, least, 1'000), 5);
}

TEST(retry, the_pause_grows_to_its_bound_and_varies_by_the_jitter) {
  retry_policy p{.max_attempts = 4, .min = 1s, .max = 10s, .factor = 3, .jitter = 0};
  EXPECT_EQ(retry_pause(p, 1, 0.9), 1s);
  EXPECT_EQ(retry_pause(p, 2, 0.1), 3s);
  EXPECT_EQ(retry_pause(p, 3, 0.5), 9s);
  EXPECT_EQ(retry_pause(p, 4, 0.5), 10s);
  EXPECT_EQ(retry_pause(p, 4000, 0.5), 10s);
  p.jitter = 0.5;
  EXPECT_EQ(retry_pause(p, 1, 0), 500ms);
  EXPECT_EQ(retry_pause(p, 1, 1), 1500ms);
  EXPECT_TRUE(tried_again(p, 3));
  EXPECT_FALSE(tried_again(p, 4));
}

TEST(prefetch, many_short_jobs_are_fetched_ahead_and_no_long_ones) {
  prefetch p;
  EXPECT_LE(p.beyond(1), 1U) << "nothing is known yet";
  for (int i = 0; i < 100; ++i) p.took(5us);
  EXPECT_GE(p.beyond(1), 100U);
  EXPECT_LE(p.beyond(1000), 4 * prefetch::most);
  for (int i = 0; i < 3; ++i) p.took(1s);
  EXPECT_EQ(p.beyond(10), 0U);
}

TEST(autoscale, grows_while_jobs_wait_too_long_and_shrinks_when_it_is_calm) {
  autoscale_policy p{.min = 0, .max = 10, .latency = 1s, .cool_down = 10s};
  autoscale_state s;
  auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(autoscale(p, s, 0, 0ms, 0, now), 0U);
  EXPECT_EQ(autoscale(p, s, 0, 1ms, 0, now), 1U) << "nobody is there for a job";
  EXPECT_EQ(autoscale(p, s, 1, 500ms, 1, now), 1U);
  EXPECT_EQ(autoscale(p, s, 1, 1500ms, 1, now), 2U);
  EXPECT_EQ(autoscale(p, s, 2, 1500ms, 1, now), 4U);
  EXPECT_EQ(autoscale(p, s, 8, 5s, 1, now), 10U);
  EXPECT_EQ(autoscale(p, s, 10, 0ms, 0, now), 10U);
  EXPECT_EQ(autoscale(p, s, 10, 0ms, 0, now + 9s), 10U);
  EXPECT_EQ(autoscale(p, s, 10, 0ms, 1, now + 10s), 10U) << "somebody is at work";
  EXPECT_EQ(autoscale(p, s, 10, 0ms, 0, now + 10s), 9U);
  EXPECT_EQ(autoscale(p, s, 9, 0ms, 0, now + 19s), 9U) << "one at a time";
  EXPECT_EQ(autoscale(p, s, 1, 0ms, 0, now + 40s), 0U);
  EXPECT_EQ(autoscale({.min = 2, .max = 3}, s, 0, 0ms, 0, now), 2U);
}

TEST(job_status, php_resques_document_is_read_and_written) {
  auto php = decode_status(R"({"status":1,"updated":1795429280,"started":1795429270})");
  EXPECT_EQ(php.status, job_status::phase::waiting);
  EXPECT_EQ(php.started_s, 1795429270);
  EXPECT_EQ(encode_status({.status = job_status::phase::complete,
                           .updated_s = 2,
                           .started_s = 1,
                           .result = "echo-result"}),
            R"({"status":4,"updated":2,"started":1,"result":"echo-result"})");
  job_status s{.status = job_status::phase::running,
               .updated_s = 5,
               .started_s = 4,
               .type = "T",
               .queue = "q",
               .share = 0.25,
               .text = "\"x\"",
               .attempt = 2};
  auto back = decode_status(encode_status(s));
  EXPECT_EQ(back.share, 0.25);
  EXPECT_EQ(back.text, "\"x\"");
  EXPECT_EQ(back.attempt, 2U);
  EXPECT_EQ(decode_status("nope").status, job_status::phase::waiting);
  EXPECT_EQ(decode_status(R"({"status":"x","progress":7})").started_s, 0);
}

TEST(failure_record, is_what_resques_web_page_reads_and_keeps_the_bytes) {
  failure_record f{.failed_at = "2026-11-25T10:00:00Z",
                   .payload = R"({"class":"X", "args":["a\/b"]})",
                   .exception = "E",
                   .error = "boom \"x\"",
                   .worker = "vm:1:*",
                   .queue = "q"};
  auto text = encode_failure(f);
  auto document = *parse_json(text);
  EXPECT_TRUE(document["backtrace"].is_array());
  EXPECT_EQ(document["payload"]["class"], "X");
  EXPECT_EQ(decode_failure(text).payload, f.payload);
  EXPECT_EQ(to_view(decode_failure(text)).failed_at_ms, 1795600800000);
  f.payload = std::string("no \xff JSON \0", 11);
  f.worker.clear();
  text = encode_failure(f);
  document = *parse_json(text);
  EXPECT_TRUE(document["payload"].is_object());
  EXPECT_NE(document["worker"].get<std::string>().find(':'), std::string::npos);
  EXPECT_EQ(decode_failure(text).payload, f.payload);
}

TEST(failure_record, times_of_ruby_and_php_are_read) {
  EXPECT_EQ(parse_resque_time("2026/11/23 10:22:20 UTC"), 1795429340000);
  EXPECT_EQ(parse_resque_time("2026-11-23T10:22:20+00:00"), 1795429340000);
  EXPECT_EQ(parse_resque_time("Mon Nov 23 10:22:20 UTC 2026"), 1795429340000);
  EXPECT_EQ(resque_time(1795429340999), "2026-11-23T10:22:20Z");
  EXPECT_EQ(parse_resque_time("yesterday"), 0);
}

TEST(failure_record, those_of_java_go_and_python_are_read) {
  auto java = decode_failure(
      R"({"payload":{"class":"app.Boom","args":[1],"vars":null},"exception":"java.lang.Error",)"
      R"("error":null,"backtrace":["\tat app.Boom.run"],"worker":"vm:2779-0:q",)"
      R"("queue":"q","failed_at":"2026-11-30T12:02:46.785+0000","retried_at":null})");
  EXPECT_EQ(parse_resque_time(java.failed_at), 1796040166785);
  EXPECT_EQ(java.error, "");
  EXPECT_EQ(java.retried_at, "");
  EXPECT_EQ(java.payload, R"({"class":"app.Boom","args":[1],"vars":null})");
  auto nothing = decode_failure(
      R"({"payload":null,"exception":"x","error":"","backtrace":[],"worker":"vm:1-0:q","queue":"q"})");
  EXPECT_FALSE(nothing.has_payload);
  auto go = decode_failure(
      R"({"failed_at":"2026-11-30T12:02:46.722721629Z","payload":{"class":"Boom","args":[1]},)"
      R"("exception":"Error","error":"boom","backtrace":null,"worker":"vm:32364-0:q","queue":"q"})");
  EXPECT_EQ(parse_resque_time(go.failed_at), 1796040166722);
  EXPECT_TRUE(go.has_payload);
  // In Python's time of that place, without a word of which.
  EXPECT_EQ(parse_resque_time("2026/11/30 12:02:46"), 1796040166000);
}

TEST(redis_url, every_form_is_read) {
  auto plain = parse_redis_url("redis://localhost");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->addresses[0], (redis_address{"localhost", "6379", ""}));
  EXPECT_EQ(plain->prefix, "resque:");
  auto full = parse_redis_url("redis://user:p%40ss@[::1]:6380/3?prefix=app");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->addresses[0].host, "::1");
  EXPECT_EQ(full->addresses[0].port, "6380");
  EXPECT_EQ(full->user, "user");
  EXPECT_EQ(full->password, "p@ss");
  EXPECT_EQ(full->database, 3U);
  EXPECT_EQ(full->prefix, "app:");
  EXPECT_EQ(parse_redis_url("redis://secret@h")->password, "secret");
  EXPECT_EQ(parse_redis_url("redis+unix:///run/redis%20x.sock?db=2")->addresses[0].path,
            "/run/redis x.sock");
  auto sentinel =
      parse_redis_url("rediss+sentinel://:pw@a,b:26380/main/1?sentinel_password=s&verify=no");
  ASSERT_TRUE(sentinel);
  EXPECT_TRUE(sentinel->tls);
  EXPECT_FALSE(sentinel->verify);
  EXPECT_EQ(sentinel->master, "main");
  EXPECT_EQ(sentinel->database, 1U);
  EXPECT_EQ(sentinel->addresses.size(), 2U);
  EXPECT_EQ(sentinel->addresses[0].port, "26379");
  EXPECT_EQ(sentinel->sentinel_password, "s");
}

TEST(redis_url, what_is_wrong_is_said_and_no_password_shown) {
  for (auto* bad : {"redis://h:port", "redis://h/x", "redis://h?verify=maybe",
                    "redis://h?colour=red", "redis+unix://", "redis+sentinel://h", "redis://[::1",
                    "redis://h:70000", "redis://h:0", "redis://h:+1", "redis://h: 1",
                    "redis://h/+1", "redis://h?db=%201", "redis://h/4294967296"})
    EXPECT_FALSE(parse_redis_url(bad)) << bad;
  EXPECT_EQ(without_password("redis://u:secret@h:1/2"), "redis://h:1/2");
  EXPECT_EQ(without_password("redis+sentinel://a,b/m?sentinel_password=x&db=1"),
            "redis+sentinel://a,b/m?sentinel_password=...&db=1");
  EXPECT_EQ(without_password("sqlite:/a/b"), "sqlite:/a/b");
  EXPECT_EQ(without_password("redis://:pa/ss@h/0"), "redis://h/0");
  EXPECT_EQ(without_password("redis://u:sec?ret@h/0"), "redis://h/0");
  for (auto* bad : {"redis://:pa/ss@host/0", "redis://:100%sure@host", "redis://u:pa?ss@host"}) {
    auto refused = parse_redis_url(bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(to_string(refused.error()).find("ss@"), std::string::npos);
    EXPECT_EQ(to_string(refused.error()).find("sure"), std::string::npos);
  }
}

TEST(transfer, a_line_brings_every_job_back_with_its_bytes) {
  for (auto& payload :
       {std::string(R"({"class":"X", "args":["h\u00e9\/"]})"), std::string("no \xff JSON\n")}) {
    job_view job{.id = key_of_job(payload),
                 .queue = "q",
                 .payload = payload,
                 .state = job_state::dead,
                 .worker = "h:1:*",
                 .failures = 2,
                 .exception = "E",
                 .error = "e\n",
                 .failed_at_ms = 5};
    auto line = export_line(job);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    auto back = import_line(line);
    ASSERT_TRUE(back) << to_string(back.error());
    EXPECT_EQ(back->payload, payload);
    EXPECT_EQ(back->id, job.id);
    EXPECT_EQ(back->failures, 2U);
    EXPECT_EQ(back->error, "e\n");
  }
  for (auto* bad : {"", "[]", "{}", R"({"queue":"q"})", R"({"queue":"a b","payload":""})",
                    R"({"queue":"q","payload":7})", R"({"queue":"q","payload":"","state":"lost"})",
                    R"({"queue":"q","payload":"","run_at_ms":1e300})",
                    R"({"queue":"q","payload":"","failures":-1})",
                    R"({"queue":"q","payload":"","crashes":4294967297})",
                    R"({"queue":"q","payload":"","failed_at_ms":1.5})"})
    EXPECT_FALSE(import_line(bad)) << bad;
}

}  // namespace sm
