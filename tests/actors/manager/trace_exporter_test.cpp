#include "manager/trace_exporter.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <deque>
#include <sm/json.hpp>
#include <thread>

#include "fake_manager.hpp"
#include "log/process_log.hpp"
#include "system/unique_fd.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using test::turn_until;

/// Answers one request after the other with the next status of a list, then with 200; with 0 it
/// takes the request and stays silent.
class collector {
 public:
  explicit collector(std::deque<unsigned> statuses)
      : statuses_(std::move(statuses)),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size);
    ::listen(listener_.get(), 16);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size);
    url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    thread_ = std::thread([this] { run(); });
  }
  ~collector() { stop(); }
  /// Hangs up on all.
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  std::string url;
  std::atomic<int> asked{0};
  std::atomic<std::size_t> taken{0};  ///< spans

 private:
  void run() {
    std::vector<unique_fd> open;
    while (!stopping_) {
      pollfd watched{listener_.get(), POLLIN, 0};
      if (::poll(&watched, 1, 20) <= 0) continue;
      unique_fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (auto body = read_body(peer.get()); !body.empty()) answer(peer.get(), body);
      open.push_back(std::move(peer));
    }
  }
  static std::string read_body(int fd) {
    std::string text;
    char chunk[4096];
    for (;;) {
      auto n = ::recv(fd, chunk, sizeof chunk, 0);
      if (n <= 0) return {};
      text.append(chunk, static_cast<std::size_t>(n));
      auto end = text.find("\r\n\r\n"), length = text.find("Content-Length: ");
      if (end == text.npos || length == text.npos) continue;
      if (text.size() >= end + 4 + std::stoul(text.substr(length + 16)))
        return text.substr(end + 4);
    }
  }
  void answer(int fd, const std::string& body) {
    ++asked;
    auto status = 200U;
    if (!statuses_.empty()) {
      status = statuses_.front();
      statuses_.pop_front();
    }
    if (status == 0) return;
    auto document = json::parse(body);
    if (status == 200)
      for (auto& group : document["resourceSpans"]) taken += group["scopeSpans"][0]["spans"].size();
    auto text = "HTTP/1.1 " + std::to_string(status) +
                " X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
  }

  std::deque<unsigned> statuses_;
  unique_fd listener_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

struct exporting {
  explicit exporting(std::deque<unsigned> statuses)
      : to(std::move(statuses)),
        traces(events, {.endpoint = to.url}, "tests", stderr_log("tests")) {}
  ~exporting() { record_spans_with({}); }

  collector to;
  loop events;
  trace_exporter traces;
};

}  // namespace

TEST(trace_exporter, sends_again_what_a_busy_collector_did_not_take) {
  exporting e({503, 429});
  e.traces.add({"web", "web:0"}, "{}");
  ASSERT_TRUE(turn_until(e.events, [&] { return e.traces.figures().exported == 1; }));
  EXPECT_EQ(e.to.asked, 3);
  EXPECT_EQ(e.to.taken, 1U);
  EXPECT_EQ(e.traces.figures().dropped, 0U);
}

TEST(trace_exporter, drops_what_the_collector_refuses_and_goes_on) {
  exporting e({400});
  e.traces.add({"web", "web:0"}, "{}");
  ASSERT_TRUE(turn_until(e.events, [&] { return e.traces.figures().dropped == 1; }));
  e.traces.add({"web", "web:0"}, "{}");
  ASSERT_TRUE(turn_until(e.events, [&] { return e.traces.figures().exported == 1; }));
  EXPECT_EQ(e.traces.figures().waiting, 0U);
}

TEST(trace_exporter, sends_many_together_at_once) {
  exporting e({});
  for (int i = 0; i < 1500; ++i) e.traces.add({"web", "web:0"}, "{}");
  ASSERT_TRUE(turn_until(e.events, [&] { return e.traces.figures().exported == 1500; }));
  EXPECT_LE(e.to.asked, 4);
}

TEST(trace_exporter, at_the_end_all_that_waits_has_one_more_try) {
  exporting e({});
  for (int i = 0; i < 400; ++i) e.traces.add({"web", "web:0"}, "{}");
  e.traces.close();
  EXPECT_EQ(e.to.taken, 400U);
}

TEST(trace_exporter, at_the_end_a_silent_collector_is_not_waited_for) {
  exporting e({0});
  for (int i = 0; i < 600; ++i) e.traces.add({"web", "web:0"}, "{}");
  ASSERT_TRUE(turn_until(e.events, [&] { return e.to.asked == 1; }));
  auto begin = std::chrono::steady_clock::now();
  e.traces.close();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);  // of the ten that it has
  e.to.stop();
}

TEST(trace_exporter, without_a_collector_nothing_is_recorded) {
  loop events;
  trace_exporter traces(events, {}, "tests", stderr_log("tests"));
  auto sampled = *read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  EXPECT_FALSE(is_recorded(sampled));
  EXPECT_FALSE(begin_trace().sampled);
}

}  // namespace sm
