#include "process/notify_socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "process/system_error.hpp"

namespace sm {

result<notify_socket> notify_socket::open() {
  unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  int on = 1;
  // unix(7), autobind: an address of the family alone takes a free abstract name.
  if (!fd || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) != 0 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
    return system_failure("cannot make the notify socket");
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  auto length = size - offsetof(sockaddr_un, sun_path);
  std::string name(address.sun_path, length);
  if (!name.empty()) name[0] = '@';
  return notify_socket(std::move(fd), std::move(name));
}

std::optional<notification> notify_socket::receive() const {
  std::array<char, 4096> text;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  iovec part{text.data(), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  auto size = ::recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return std::nullopt;
  notification n;
  for (auto* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
    if (c->cmsg_type == SCM_CREDENTIALS) {
      ucred who{};
      std::memcpy(&who, CMSG_DATA(c), sizeof who);
      n.sender = who.pid;
    }
  std::string_view rest(text.data(), static_cast<std::size_t>(size));
  while (!rest.empty()) {
    auto end = std::min(rest.find('\n'), rest.size());
    auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (auto equals = line.find('='); equals != line.npos)
      n.fields[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  return n;
}

}  // namespace sm
