#include "process/notify_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "system/system_error.hpp"
#include "text/numbers.hpp"

namespace sm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t path_max = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t size_max = 4096;  // systemd's NOTIFY_BUFFER_MAX
constexpr mode_t only_owner = 0700, may_enter = 0711;

/// A folder of that mode which is ours, made if it is not there. Whatever else is there is an
/// error: somebody else may have prepared it.
bool make_folder(const fs::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return false;
  // Not what a link leads to.
  unique_fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat s {};
  if (!folder || ::fstat(folder.get(), &s) != 0) return false;
  if (s.st_uid != ::geteuid()) {
    errno = EPERM;
    return false;
  }
  return ::fchmod(folder.get(), mode) == 0;
}

/// The folder of a user's own that an earlier run left goes back to us while the socket is made in
/// it, so that the user cannot put something else in its place meanwhile.
bool take_back(const fs::path& path) {
  struct stat s {};
  if (::lstat(path.c_str(), &s) != 0) return errno == ENOENT;
  if (!S_ISDIR(s.st_mode)) return ::unlink(path.c_str()) == 0;
  return ::lchown(path.c_str(), ::geteuid(), ::getegid()) == 0;
}

result<unique_fd> bind_socket(const std::string& path) {
  unique_fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ::unlink(path.c_str());
  int on = 1;
  // The credentials first: no datagram comes without.
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return system_failure("cannot make the notify socket", path);
  return fd;
}

/// One name for each state folder.
std::string name_of(const fs::path& state_folder) {
  std::array<char, 32> hex{};
  std::snprintf(hex.data(), hex.size(), "sm-%016zx",
                std::hash<std::string>{}(state_folder.lexically_normal().string()));
  return hex.data();
}

/// Where folders of a program's own may be made, best first.
std::vector<fs::path> runtime_folders(const fs::path& state_folder) {
  std::vector<fs::path> list;
  if (::geteuid() == 0) list.push_back(fs::path("/run") / name_of(state_folder));
  if (const char* own = std::getenv("XDG_RUNTIME_DIR"); own && *own == '/')
    list.push_back(fs::path(own) / name_of(state_folder));
  return list;
}

}  // namespace

std::map<std::string, std::string> notification_fields(std::string_view text) {
  std::map<std::string, std::string> fields;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (auto equals = line.find('='); equals != line.npos)
      fields[std::string(line.substr(0, equals))] = line.substr(equals + 1);
  }
  return fields;
}

std::optional<std::chrono::milliseconds> notification_usec(const std::string& text) {
  constexpr std::chrono::microseconds longest = std::chrono::hours{24 * 365};
  auto number = parse_integer<std::int64_t>(text, 0, longest.count());
  if (!number) return std::nullopt;
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(*number));
}

result<notify_socket> notify_socket::open(const fs::path& state_folder, const std::string& instance,
                                          std::optional<uid_t> user) {
  bool other = user && *user != ::geteuid();
  auto folder = state_folder / "notify";
  auto path = (folder / instance).string();
  if (!other && path.size() <= path_max) {
    if (!make_folder(folder, only_owner))
      return system_failure("cannot make the folder of notify sockets", folder.string());
    auto fd = bind_socket(path);
    if (!fd) return tl::unexpected<error>(fd.error());
    return notify_socket(std::move(*fd), std::move(path), false);
  }
  auto own_folder = [&]() -> result<fs::path> {
    for (auto& parent : runtime_folders(state_folder))
      if (auto own = parent / instance; own.string().size() + 2 <= path_max &&
                                        make_folder(parent, may_enter) && take_back(own) &&
                                        make_folder(own, only_owner))
        return own;
    std::string pattern = "/tmp/sm-notify-XXXXXX";
    if (!::mkdtemp(pattern.data()))
      return system_failure("cannot make the folder of the notify socket", pattern);
    return pattern;
  }();
  if (!own_folder) return tl::unexpected<error>(own_folder.error());
  path = (*own_folder / "s").string();
  auto fd = bind_socket(path);
  if (!fd) return tl::unexpected<error>(fd.error());
  notify_socket made(std::move(*fd), path, true);
  // The folder last: from then on what is in it is the user's.
  if (other && (::lchown(path.c_str(), *user, static_cast<gid_t>(-1)) != 0 ||
                ::lchown(own_folder->c_str(), *user, static_cast<gid_t>(-1)) != 0))
    return system_failure("cannot give the notify socket to the user", path);
  return made;
}

notify_socket::~notify_socket() {
  if (!fd_) return;
  ::unlink(address_.c_str());
  if (own_folder_) ::rmdir(fs::path(address_).parent_path().c_str());
}

std::optional<notification> notify_socket::receive() const {
  std::array<char, size_max> text;
  // No room for descriptors: the kernel closes them then.
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
  n.whole = (header.msg_flags & MSG_TRUNC) == 0;
  for (auto* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) {
      ucred who{};
      std::memcpy(&who, CMSG_DATA(c), sizeof who);
      n.sender = who.pid;
      n.uid = who.uid;
    }
  n.text.assign(text.data(), static_cast<std::size_t>(size));
  return n;
}

}  // namespace sm
