// Datagrams to the socket of sd_notify(3); each line of the input that is a single dash begins the
// next one.
#include "process/notify_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "fuzz.hpp"
#include "temporary_folder.hpp"

namespace {

/// Connected to the socket as a program is.
sm::unique_fd connect_to(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  sm::unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  sm::fuzz::must(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0,
                 "the socket is there");
  return fd;
}

}  // namespace

SM_FUZZ_TARGET(notify) {
  using sm::fuzz::must;
  static const auto socket = [] {
    static const sm::test::temporary_folder folder;
    auto opened = sm::notify_socket::open(folder.path(), "fuzzed:0", std::nullopt);
    must(opened.has_value(), "the socket is made");
    return std::move(*opened);
  }();
  static const auto program = connect_to(socket.address());
  while (!input.empty()) {
    auto border = input.find("\n-\n");
    auto datagram = input.substr(0, border);
    input.remove_prefix(border == input.npos ? input.size() : border + 3);
    (void)::send(program.get(), datagram.data(), datagram.size(), MSG_DONTWAIT);
    if (auto n = socket.receive()) {
      must(n->sender == ::getpid(), "the sender is the one who sent it");
      for (auto& [name, value] : sm::notification_fields(n->text))
        (void)sm::notification_usec(value);
    }
  }
  must(!socket.receive(), "nothing is left");
}
