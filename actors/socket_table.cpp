#include "socket_table.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <memory>

#include "process/probe.hpp"
#include "process/system_error.hpp"

namespace sm {
namespace {

result<unique_fd> listen_at(const std::string& address) {
  auto target = parse_probe_target("tcp", address);
  if (!target) return tl::unexpected<error>(target.error());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  // Numbers only: a name would have to be looked up, which may take its time.
  hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST | AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(target->host.c_str(), target->port.c_str(), &hints, &found) != 0)
    return fail(errc::invalid_spec, "must be a numeric address and a port", address);
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  unique_fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(fd.get(), SOMAXCONN) != 0)
    return system_failure("cannot listen", address);
  return fd;
}

}  // namespace

result<std::vector<int>> socket_table::get(const std::vector<std::string>& addresses) {
  std::vector<int> list;
  for (auto& address : addresses) {
    auto& socket = sockets_[address];
    if (!socket) {
      auto bound = listen_at(address);
      if (!bound) {
        sockets_.erase(address);
        return tl::unexpected<error>(bound.error());
      }
      socket = std::move(*bound);
    }
    list.push_back(socket.get());
  }
  return list;
}

void socket_table::take_over(const std::vector<std::string>& addresses,
                             std::vector<unique_fd> sockets) {
  for (std::size_t i = 0; i < addresses.size() && i < sockets.size(); ++i)
    sockets_.try_emplace(addresses[i], std::move(sockets[i]));
}

void socket_table::keep_only(const std::set<std::string>& wanted) {
  std::erase_if(sockets_, [&](auto& entry) { return !wanted.contains(entry.first); });
}

}  // namespace sm
