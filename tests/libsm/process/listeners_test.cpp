#include "process/listeners.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "process/probe.hpp"
#include "process/proc_stat.hpp"
#include "system/unique_fd.hpp"

namespace sm {
using namespace std::chrono_literals;
namespace {

const std::string header =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";
const std::string tcp =
    header +
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 11 1 0 1 0\n"
    "   1: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 12 1 0 1 0\n"
    "   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  0  0 13 1 0 1 "
    "0\n";
const std::string tcp6 =
    header +
    "   0: 00000000000000000000000000000000:1F92 00000000000000000000000000000000:0000 0A "
    "00000000:00000000 00:00000000 00000000  0  0 14 1 0 1 0\n";

connection_ends ends(const char* local, const char* peer, std::uint16_t port) {
  connection_ends e;
  auto put = [&](sockaddr_storage& to, const char* text, std::uint16_t number) {
    if (std::strchr(text, ':')) {
      auto& in = reinterpret_cast<sockaddr_in6&>(to);
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(number);
      ::inet_pton(AF_INET6, text, &in.sin6_addr);
    } else {
      auto& in = reinterpret_cast<sockaddr_in&>(to);
      in.sin_family = AF_INET;
      in.sin_port = htons(number);
      ::inet_pton(AF_INET, text, &in.sin_addr);
    }
  };
  put(e.local, local, 50'000);
  put(e.peer, peer, port);
  return e;
}

using inodes = std::vector<std::uint64_t>;

/// A listening socket on a free port of 127.0.0.1.
std::pair<unique_fd, std::string> listen_somewhere() {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(fd.get(), 16), 0);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return {std::move(fd), std::to_string(ntohs(address.sin_port))};
}

}  // namespace

TEST(listeners, only_listening_sockets_are_read) {
  auto all = parse_listeners(tcp);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].address, std::string("\x7f\0\0\1", 4));
  EXPECT_EQ(all[0].port, 8080);
  EXPECT_EQ(all[0].inode, 11U);
  EXPECT_EQ(parse_listeners(tcp6).at(0).address, std::string(16, '\0'));
  EXPECT_TRUE(parse_listeners("nonsense\n\n: : 0A\n  0: zz:1 0:0 0A a b c d e f\n").empty());
}

TEST(listeners, who_took_a_connection_is_found_by_address_and_port) {
  auto all = parse_listeners(tcp);
  all.push_back(parse_listeners(tcp6).at(0));
  EXPECT_EQ(takers_of(ends("127.0.0.1", "127.0.0.1", 8080), all), inodes{11});
  EXPECT_EQ(takers_of(ends("127.0.0.1", "127.0.0.2", 8080), all), inodes{});
  EXPECT_EQ(takers_of(ends("10.0.0.1", "10.0.0.1", 8081), all), inodes{12});
  EXPECT_EQ(takers_of(ends("10.0.0.1", "10.0.0.9", 8081), all), inodes{}) << "another host";
  EXPECT_EQ(takers_of(ends("127.0.0.1", "127.0.0.1", 8082), all), inodes{14}) << "[::] takes IPv4";
  EXPECT_EQ(takers_of(ends("::1", "::1", 8082), all), inodes{14});
  EXPECT_EQ(takers_of(ends("::1", "::1", 8081), all), inodes{});
}

TEST(listeners, an_answer_of_an_older_process_is_no_answer_of_this_tree) {
  auto [socket, port] = listen_somewhere();  // ours, and we are older
  // The child's tree has one process that does not hold it. Ages are whole ticks of the kernel, so
  // that a child of our own first tick counts as no younger than we are.
  auto give_birth = [&] {
    auto pid = ::fork();
    if (pid != 0) return pid;
    socket.reset();
    ::raise(SIGSTOP);  // says that it does not hold it any more
    for (;;) ::pause();
  };
  auto end = [](pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  };
  auto child = give_birth();
  for (auto born = process_start_time(::getpid()); process_start_time(child) == born;
       child = give_birth())
    end(child);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, WUNTRACED), child);
  ASSERT_TRUE(WIFSTOPPED(status));
  auto answer = probe("tcp", {"127.0.0.1", port, ""}, 1s);
  auto owner = answer ? older_owner(*answer, child) : std::nullopt;
  auto own = answer ? older_owner(*answer, ::getppid()) : std::nullopt;
  end(child);
  ASSERT_TRUE(answer);
  ASSERT_TRUE(owner);
  EXPECT_EQ(*owner, ::getpid());
  EXPECT_FALSE(own) << "of a tree that we belong to it is";
}

}  // namespace sm
