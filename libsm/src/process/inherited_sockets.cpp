#include "process/inherited_sockets.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "text/numbers.hpp"

namespace sm {
namespace {

constexpr int sockets_most = 64;

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value ? value : "";
  ::unsetenv(name);
  return text;
}

bool listens(int fd) {
  int yes = 0;
  socklen_t size = sizeof yes;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes != 0;
}

}  // namespace

std::vector<inherited_socket> take_inherited_sockets() {
  auto whose = take_variable("LISTEN_PID");
  auto number = parse_integer<int>(take_variable("LISTEN_FDS"), 1, sockets_most);
  auto names = take_variable("LISTEN_FDNAMES");
  std::vector<inherited_socket> all;
  if (!number || whose != std::to_string(::getpid())) return all;
  for (int fd = first_inherited; fd < first_inherited + *number; ++fd) {
    auto colon = std::min(names.find(':'), names.size());
    auto name = names.substr(0, colon);
    names.erase(0, std::min(colon + 1, names.size()));
    if (!listens(fd)) continue;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    all.push_back({unique_fd(fd), std::move(name)});
  }
  return all;
}

}  // namespace sm
