#include "queue/consumer/job_channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "system/system_error.hpp"

namespace sm {
namespace {

constexpr std::uint32_t frame_max = 1U << 30;  // bytes; the largest value of Redis is half of that

bool write_all(int fd, const void* data, std::size_t size) {
  auto* at = static_cast<const char*>(data);
  while (size > 0) {
    auto n = ::send(fd, at, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool read_all(int fd, void* data, std::size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    auto n = ::recv(fd, at, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

bool write_frame(int fd, char what, std::string_view bytes) {
  std::string head(5, what);
  auto size = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(head.data() + 1, &size, sizeof size);
  head += bytes;
  return write_all(fd, head.data(), head.size());
}

std::optional<frame> read_frame(int fd) {
  frame f;
  std::uint32_t size = 0;
  if (!read_all(fd, &f.what, 1) || !read_all(fd, &size, sizeof size) || size > frame_max) return {};
  f.bytes.resize(size);
  if (size > 0 && !read_all(fd, f.bytes.data(), size)) return {};
  return f;
}

result<std::pair<unique_fd, unique_fd>> channel_pair(int type) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0)
    return system_failure("cannot make a channel to a job");
  return std::pair{unique_fd(fds[0]), unique_fd(fds[1])};
}

}  // namespace sm
