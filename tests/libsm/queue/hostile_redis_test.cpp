// A server in Redis' place that answers what no Redis would: every call ends in time, with an error
// and within bounded memory, and nothing that was not done is taken for done.
#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <set>

#include "fake_redis.hpp"
#include "job_store_fixture.hpp"

namespace sm {
namespace {

using test::fake_redis;

/// A line of /proc/self/status in bytes.
std::size_t memory(const char* name) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with(name)) return std::stoul(line.substr(line.find(':') + 1)) << 10;
  return 0;
}

using call = std::pair<const char*, std::function<result<void>(job_store&)>>;

template <class T>
result<void> nothing_of(const result<T>& outcome) {
  if (!outcome) return tl::unexpected<error>(outcome.error());
  return {};
}

/// All that is asked of a store.
const std::vector<call>& calls() {
  static const job_view dead{.id = "1",
                             .queue = "q",
                             .payload = job("1").payload,
                             .state = job_state::dead,
                             .record = "{}"};
  static const job_view ready{.id = "1", .queue = "q", .payload = job("1").payload};
  static const std::vector<delivery> held{{.tag = {1, 0}, .queue = "q"}};
  static const auto one = job("j");
  static const std::vector<call> all{
      {"enqueue", [](auto& s) { return nothing_of(s.enqueue(std::vector{one}, 60ms)); }},
      {"exchange", [](auto& s) { return nothing_of(s.exchange({}, all_of(1))); }},
      {"renew", [](auto& s) { return nothing_of(s.renew(held, 1s)); }},
      {"resync", [](auto& s) { return nothing_of(s.resync("w:1:*", {})); }},
      {"release", [](auto& s) { return nothing_of(s.release("w:1:*")); }},
      {"reap", [](auto& s) { return nothing_of(s.reap()); }},
      {"cancel_requests", [](auto& s) { return nothing_of(s.cancel_requests()); }},
      {"release_lock", [](auto& s) { return s.release_lock("k", "1"); }},
      {"register", [](auto& s) { return s.register_worker("w:1:*"); }},
      {"heartbeat", [](auto& s) { return s.heartbeat("w:1:*"); }},
      {"move_due", [](auto& s) { return nothing_of(s.move_due()); }},
      {"schedules", [](auto& s) { return nothing_of(s.schedules()); }},
      {"put_schedule",
       [](auto& s) {
         return s.put_schedule({"s", "{}", 0});
       }},
      {"fire", [](auto& s) { return nothing_of(s.fire("s", 0, 1, &one)); }},
      {"tidy", [](auto& s) { return s.tidy(); }},
      {"counts", [](auto& s) { return nothing_of(s.counts()); }},
      {"totals", [](auto& s) { return nothing_of(s.totals()); }},
      {"ready", [](auto& s) { return nothing_of(s.jobs(job_state::ready, "", 0, 10)); }},
      {"running", [](auto& s) { return nothing_of(s.jobs(job_state::running, "", 0, 10)); }},
      {"delayed", [](auto& s) { return nothing_of(s.jobs(job_state::delayed, "", 0, 10)); }},
      {"dead", [](auto& s) { return nothing_of(s.jobs(job_state::dead, "", 0, 10)); }},
      {"find", [](auto& s) { return nothing_of(s.find("1")); }},
      {"find_dead", [](auto& s) { return nothing_of(s.dead({.ids = {"1"}}, {}, 10)); }},
      {"status", [](auto& s) { return nothing_of(s.status("1")); }},
      {"remove",
       [](auto& s) {
         return nothing_of(s.remove({&ready, 1}));
       }},
      {"remove dead",
       [](auto& s) {
         return nothing_of(s.remove({&dead, 1}));
       }},
      {"clear_dead", [](auto& s) { return nothing_of(s.clear_dead()); }},
      {"lost_data", [](auto& s) { return nothing_of(s.lost_data()); }},
      {"requeue",
       [](auto& s) {
         return nothing_of(s.requeue({&dead, 1}));
       }},
      {"request_cancel", [](auto& s) { return s.request_cancel("1"); }},
      {"pause", [](auto& s) { return s.pause("q", true); }},
      {"put_limits", [](auto& s) { return s.put_limits("q", {}); }},
      {"remove_queue", [](auto& s) { return nothing_of(s.remove_queue("q")); }},
      {"import", [](auto& s) {
         return s.import({&dead, 1});
       }}};
  return all;
}

/// Every call fails as `unavailable`, within its time and in little memory.
void expect_refused(const char* how, const fake_redis::handler& serve) {
  fake_redis server(serve);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  auto before = memory("VmRSS");
  for (auto& [name, ask] : calls()) {
    auto store = std::move(*open_job_store(server.url(), {.enqueue_timeout = 60ms}));
    auto begin = std::chrono::steady_clock::now();
    auto outcome = ask(*store);
    auto taken = std::chrono::steady_clock::now() - begin;
    EXPECT_FALSE(outcome) << name << ", " << how;
    if (!outcome) {
      EXPECT_EQ(outcome.error().code, errc::unavailable)
          << name << ", " << how << ": " << to_string(outcome.error());
    }
    EXPECT_LT(taken, 1060ms) << name << ", " << how;
  }
  EXPECT_LT(memory("VmHWM") - std::min(before, memory("VmHWM")), std::size_t{64} << 20) << how;
}

/// Answers the first command with this, again and again until the client has enough.
fake_redis::handler endless(std::string begin, std::string more) {
  return [=](int fd) {
    if (test::read_command(fd).empty() || !test::send_all(fd, begin)) return;
    while (!more.empty() && test::send_all(fd, more)) {
    }
    char c = 0;
    while (::recv(fd, &c, 1, 0) > 0) {
    }
  };
}

}  // namespace

TEST(hostile_redis, replies_beyond_all_bounds_are_refused) {
  std::string some(64 << 10, 'x');
  expect_refused("an endless line", endless("+", some));
  expect_refused("an endless error", endless("-ERR ", some));
  expect_refused("a text of 8 GB", endless("$8589934592\r\n", some));
  expect_refused("a text of 1 GB", endless("$1073741824\r\n", some));
  expect_refused("an array of 2^31", endless("*2147483648\r\n", "$1\r\nx\r\n"));
  expect_refused("an array of 2^40 numbers", endless("*1099511627776\r\n", ":1\r\n"));
  std::string deep, chunk;
  for (int i = 0; i < 100'000; ++i) deep += "*1\r\n";
  expect_refused("deep nesting", endless(deep, "*1\r\n"));
  for (int i = 0; i < 10'000; ++i) chunk += "+OK\r\n";
  expect_refused("replies without an end", endless("", chunk));
}

TEST(hostile_redis, silence_halves_and_drops_of_a_reply_are_no_answer_in_time) {
  expect_refused("silence", endless("", ""));
  expect_refused("half a text", endless("$100\r\nabc", ""));
  expect_refused("half an array", endless("*3\r\n$1\r\na\r\n", ""));
  expect_refused("one byte after the other", [](int fd) {
    if (test::read_command(fd).empty()) return;
    for (auto* next = "$1000000\r\n"; test::send_all(fd, std::string(1, *next ? *next++ : 'x'));)
      ::poll(nullptr, 0, 5);
  });
  expect_refused("no protocol", endless("HTTP/1.1 400 Bad Request\r\n\r\n", ""));
  expect_refused("an end", [](int fd) { test::read_command(fd); });
}

TEST(hostile_redis, a_reply_of_another_kind_is_no_answer) {
  for (std::string reply : {"_\r\n", "#t\r\n", ",1.5\r\n", "%1\r\n"})
    expect_refused(reply.c_str(), fake_redis::answering([=](auto&) { return reply; }));
  // One that knows even what tells its answers apart.
  for (std::string wrong :
       {":1\r\n", "+OK\r\n", "$2\r\nok\r\n", "$-1\r\n", "*-1\r\n", "*1\r\n:1\r\n",
        "*2\r\n*0\r\n:7\r\n", "*1\r\n$1\r\nx\r\n", "*6\r\n:0\r\n:0\r\n:0\r\n*0\r\n*0\r\n:1\r\n",
        "*5\r\n:0\r\n:0\r\n:0\r\n*0\r\n*1\r\n$1\r\nx\r\n"}) {
    fake_redis server(fake_redis::answering([=](const fake_redis::command& words) {
      if (words[0] == "PING") return test::bulk(words[1]);
      return words[0].starts_with("EVAL") ? "*2\r\n" + test::bulk(words.back()) + wrong : wrong;
    }));
    auto s = std::move(*open_job_store(server.url(), {.enqueue_timeout = 300ms}));
    auto stored = s->enqueue(std::vector{job("1")}, 100ms);
    ASSERT_FALSE(stored) << wrong;
    EXPECT_EQ(stored.error().code, errc::unavailable) << wrong;
    EXPECT_TRUE(s->in_doubt()) << wrong;
    auto claimed = s->exchange({}, all_of(1));
    ASSERT_FALSE(claimed) << wrong;
    EXPECT_EQ(claimed.error().code, errc::unavailable) << wrong;
    EXPECT_NE(claimed.error().detail.find("in doubt"), std::string::npos) << claimed.error().detail;
  }
}

TEST(hostile_redis, a_reply_that_comes_twice_is_never_taken_for_another) {
  test::redis_server redis;
  std::atomic<int> chunks{0};
  fake_redis proxy(fake_redis::passing_on(
      redis.port(), [&](std::string bytes) { return ++chunks % 3 == 0 ? bytes + bytes : bytes; }));
  auto s = std::move(*open_job_store(proxy.url(), {.enqueue_timeout = 2s}));
  std::multiset<job_id> stored, found;
  for (int i = 0; i < 100; ++i) {
    auto id = std::to_string(i);
    if (s->enqueue(std::vector{job(id)}, 5s)) stored.insert(id);
    // A document of one is never another's.
    if (auto status = s->status(id)) {
      EXPECT_EQ(*status, "");
    }
    if (auto dead = s->totals()) {
      EXPECT_EQ(dead->dead, 0U);
    }
  }
  EXPECT_EQ(stored.size(), 100U);
  auto direct = std::move(*open_job_store(redis.url(), {}));
  auto got = direct->exchange({}, all_of(1'000));
  ASSERT_TRUE(got) << to_string(got.error());
  for (auto& d : got->claimed) found.insert(key_of_job(d.payload));
  EXPECT_EQ(found, stored) << "each once";
}

TEST(hostile_redis, a_flood_of_messages_keeps_no_waiter) {
  std::string flood;
  for (int i = 0; i < 1'000; ++i) flood += "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n";
  fake_redis server([&](int fd) {
    if (test::read_command(fd).empty()) return;
    while (test::send_all(fd, flood)) {
    }
  });
  auto s = std::move(*open_job_store(server.url(), {.enqueue_timeout = 300ms}));
  auto waiter = s->make_waiter();
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    waiter->watch({"q"});
    waiter->wait(100ms);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

}  // namespace sm
