// Connections that come about, or fail in time.
#include "process/tcp_connect.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace sm {
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
namespace {

/// A listening socket on a port of its own; nobody accepts.
struct local_port {
  unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::string port;

  explicit local_port(int backlog) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd.get(), backlog), 0);
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = std::to_string(ntohs(address.sin_port));
  }
};

}  // namespace

TEST(tcp_connect, a_listening_port_is_reached_by_number_and_by_name) {
  local_port l(4);
  EXPECT_TRUE(connect_tcp("127.0.0.1", l.port, clock::now() + 2s));
  auto by_name = connect_tcp("localhost", l.port, clock::now() + 5s);
  EXPECT_TRUE(by_name) << to_string(by_name.error());
}

TEST(tcp_connect, a_port_where_nobody_listens_says_so) {
  std::string port = local_port(1).port;
  auto refused = connect_tcp("127.0.0.1", port, clock::now() + 2s);
  ASSERT_FALSE(refused);
  EXPECT_NE(to_string(refused.error()).find("127.0.0.1:" + port), std::string::npos);
}

TEST(tcp_connect, a_host_that_does_not_answer_is_given_up_in_time) {
  local_port l(0);
  // The queue of connections is full after one or two.
  std::vector<unique_fd> taken;
  result<unique_fd> outcome;
  auto begin = clock::now();
  for (int i = 0; i < 5 && outcome; ++i) {
    begin = clock::now();
    outcome = connect_tcp("127.0.0.1", l.port, begin + 100ms);
    if (outcome) taken.push_back(std::move(*outcome));
  }
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::unavailable);
  EXPECT_LT(clock::now() - begin, 5s);
}

TEST(tcp_connect, a_name_that_nobody_knows_is_given_up_in_time) {
  auto begin = clock::now();
  auto unknown = connect_tcp("no-such-host.invalid", "1", begin + 200ms);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, errc::unavailable);
  EXPECT_LT(clock::now() - begin, 5s);
}

}  // namespace sm
