#include "process/tcp_connect.hpp"

#include <netdb.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "process/deadline.hpp"
#include "system/system_error.hpp"

namespace sm {
namespace {

using clock = std::chrono::steady_clock;
using addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

constexpr int lookups_max = 16;  // at a time in a process; each may hang for as long as it likes

result<addresses> look_up(const std::string& host, const std::string& port, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* found = nullptr;
  if (int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); failed != 0)
    return fail(errc::unavailable, std::string("cannot resolve: ") + ::gai_strerror(failed), host);
  return addresses(found, &::freeaddrinfo);
}

/// Nothing ends a getaddrinfo that hangs, so it has a thread of its own, which is left to it.
result<addresses> resolve(const std::string& host, const std::string& port,
                          clock::time_point deadline) {
  if (auto numeric = look_up(host, port, AI_NUMERICHOST | AI_NUMERICSERV)) return numeric;
  struct shared {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<result<addresses>> outcome;
  };
  static std::atomic<int> under_way{0};
  if (under_way.fetch_add(1) >= lookups_max) {
    --under_way;
    return fail(errc::unavailable, "too many look-ups of names hang", host);
  }
  auto state = std::make_shared<shared>();
  try {
    std::thread([state, host, port] {
      auto outcome = look_up(host, port, AI_NUMERICSERV);
      std::lock_guard lock(state->mutex);
      state->outcome.emplace(std::move(outcome));
      --under_way;
      state->done.notify_one();
    }).detach();
  } catch (const std::system_error& e) {
    --under_way;
    return fail(errc::unavailable, std::string("cannot look up its name: ") + e.what(), host);
  }
  std::unique_lock lock(state->mutex);
  if (!state->done.wait_until(lock, deadline, [&] { return state->outcome.has_value(); }))
    return fail(errc::unavailable, "its name is not found in time", host);
  return std::move(*state->outcome);
}

}  // namespace

result<unique_fd> connect_socket(const sockaddr* address, socklen_t size, const std::string& name,
                                 clock::time_point deadline) {
  unique_fd socket(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_failure("cannot make a socket");
  if (::connect(socket.get(), address, size) == 0) return socket;
  if (errno != EINPROGRESS && errno != EAGAIN) return system_failure("cannot connect", name);
  pollfd watched{socket.get(), POLLOUT, 0};
  int n = 0;
  do n = ::poll(&watched, 1, left_ms(deadline));
  while (n < 0 && errno == EINTR);
  if (n <= 0) return fail(errc::unavailable, "does not answer", name);
  int failed = 0;
  socklen_t length = sizeof failed;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &failed, &length);
  if (failed != 0) return system_failure("cannot connect", name, failed);
  return socket;
}

result<unique_fd> connect_tcp(const std::string& host, const std::string& port,
                              clock::time_point deadline) {
  auto found = resolve(host, port, deadline);
  if (!found) return tl::unexpected<error>(found.error());
  auto name = host + ":" + port;
  result<unique_fd> outcome = fail(errc::unavailable, "has no address", name);
  int left = 0;
  for (auto* at = found->get(); at; at = at->ai_next) ++left;
  for (auto* at = found->get(); at; at = at->ai_next, --left) {
    // One address that swallows packets must leave time for the others.
    auto now = clock::now();
    outcome = connect_socket(at->ai_addr, at->ai_addrlen, name, now + (deadline - now) / left);
    if (outcome) break;
  }
  return outcome;
}

}  // namespace sm
