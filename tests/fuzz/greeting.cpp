// What processes say on the link socket, and on the fork server's channel.
#include <sys/socket.h>

#include "process/fork_server.hpp"
#include "process/rendezvous.hpp"

#include "fuzz.hpp"

namespace {

/// A socket on which `bytes` have arrived from a peer that is gone.
sm::unique_fd heard(int type, std::string_view bytes) {
  int ends[2];
  sm::fuzz::must(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) == 0, "a pair of sockets");
  sm::unique_fd near(ends[0]), far(ends[1]);
  (void)::send(far.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return near;
}

}  // namespace

SM_FUZZ_TARGET(greeting) {
  auto stream = heard(SOCK_STREAM, input);
  if (auto greeting = sm::receive_greeting(stream.get()))
    sm::fuzz::must(greeting->document.is_object(), "a greeting is an object");
  auto channel = heard(SOCK_SEQPACKET, input);
  (void)sm::receive_fork_message(channel.get());
  auto end = sm::receive_fork_message(channel.get());
  sm::fuzz::must(!end && end.error().code == sm::errc::unavailable, "then the channel is gone");
}
