#include "process/listen_address.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "process/probe.hpp"
#include "system/system_error.hpp"

namespace sm {
namespace {

bool is_path(const std::string& address) { return address.starts_with('/'); }

using bind_addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

/// Numbers only: a name would have to be looked up, which may take its time.
result<bind_addresses> resolve(const std::string& address) {
  auto target = parse_probe_target("tcp", address);
  if (!target) return tl::unexpected<error>(target.error());
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_NUMERICHOST | AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(target->host.c_str(), target->port.c_str(), &hints, &found) != 0)
    return fail(errc::invalid_spec,
                "must be a numeric address and a port, or the absolute path of a Unix socket",
                address);
  return bind_addresses(found, ::freeaddrinfo);
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  return address;
}

result<unique_fd> listen_on_path(const std::string& path, mode_t mode) {
  auto address = unix_address(path);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0) {
    if (!S_ISSOCK(there.st_mode))
      return fail(errc::unavailable, "cannot listen: there is something else of this name", path);
    unique_fd caller(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!caller) return system_failure("cannot listen", path);
    // A full backlog is EAGAIN: somebody listens.
    if (::connect(caller.get(), generic, sizeof address) == 0 || errno != ECONNREFUSED)
      return system_failure("cannot listen", path, EADDRINUSE);
    ::unlink(path.c_str());
  }
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // The file begins with the socket's own mode, so nobody gets in before it has its own.
  if (!fd || ::fchmod(fd.get(), 0600) != 0 || ::bind(fd.get(), generic, sizeof address) != 0 ||
      ::chmod(path.c_str(), mode) != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
    return system_failure("cannot listen", path);
  return fd;
}

}  // namespace

result<void> check_listen_address(const std::string& address) {
  if (is_path(address)) {
    if (address.size() < sizeof(sockaddr_un::sun_path)) return {};
    return fail(errc::invalid_spec, "the path of a Unix socket has at most 107 bytes", address);
  }
  if (auto found = resolve(address); !found) return tl::unexpected<error>(found.error());
  return {};
}

result<unique_fd> listen_at(const std::string& address, mode_t mode) {
  if (auto ok = check_listen_address(address); !ok) return tl::unexpected<error>(ok.error());
  if (is_path(address)) return listen_on_path(address, mode);
  auto found = resolve(address);
  if (!found) return tl::unexpected<error>(found.error());
  auto& where = **found;
  unique_fd fd(::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      (where.ai_family == AF_INET6 &&
       ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
      ::bind(fd.get(), where.ai_addr, where.ai_addrlen) != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
    return system_failure("cannot listen", address);
  return fd;
}

void remove_socket_file(const std::string& address, int socket) noexcept {
  if (!is_path(address) || address.size() >= sizeof(sockaddr_un::sun_path)) return;
  sockaddr_un own{};
  socklen_t size = sizeof own;
  struct stat there {};
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
      own.sun_path != address || ::lstat(address.c_str(), &there) != 0 || !S_ISSOCK(there.st_mode))
    return;
  // Somebody else may have bound the name since: one that answers is not ours to remove. Ours
  // refuses from here on.
  ::shutdown(socket, SHUT_RDWR);
  unique_fd caller(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  auto name = unix_address(address);
  if (caller && ::connect(caller.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 &&
      errno == ECONNREFUSED)
    ::unlink(address.c_str());
}

}  // namespace sm
