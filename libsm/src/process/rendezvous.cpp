#include "process/rendezvous.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "process/system_error.hpp"

namespace sm {
namespace {

constexpr int answer_timeout_ms = 1000;
constexpr std::size_t answer_max = 1024;

/// Reads up to the newline and not a byte beyond: what follows belongs to the link.
result<std::string> read_line(int socket) {
  std::string line;
  pollfd watched{socket, POLLIN, 0};
  while (line.size() < answer_max) {
    if (::poll(&watched, 1, answer_timeout_ms) <= 0)
      return fail(errc::unavailable, "the manager does not answer");
    char c = 0;
    auto n = ::recv(socket, &c, 1, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(errc::unavailable, "the manager hung up");
    if (c == '\n') return line;
    line += c;
  }
  return fail(errc::unavailable, "the manager's answer is too long");
}

}  // namespace

result<void> send_with_fd(int socket, std::string_view text, int passed_fd, int flags) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (passed_fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof passed_fd);
    std::memcpy(CMSG_DATA(c), &passed_fd, sizeof passed_fd);
  }
  for (;;) {
    auto n = ::sendmsg(socket, &header, MSG_NOSIGNAL | flags);
    if (n < 0 && errno == EINTR) continue;
    if (n != static_cast<ssize_t>(text.size())) return system_failure("cannot send");
    return {};
  }
}

result<unique_fd> dial_manager(const std::filesystem::path& socket, const json& greeting,
                               int passed_fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.string().size() >= sizeof address.sun_path)
    return fail(errc::unavailable, "the path is too long for a socket", socket.string());
  std::strcpy(address.sun_path, socket.c_str());
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return system_failure("cannot reach the manager", socket.string());
  if (auto sent = send_with_fd(fd.get(), print_json(greeting) + "\n", passed_fd, 0); !sent)
    return tl::unexpected<error>(sent.error());
  auto line = read_line(fd.get());
  if (!line) return tl::unexpected<error>(line.error());
  auto answer = parse_json(*line);
  if (!answer || !answer->is_object())
    return fail(errc::unavailable, "the manager's answer is no JSON");
  if (auto refusal = answer->value("refusal", ""); !refusal.empty())
    return fail(errc::conflict, refusal);
  return fd;
}

std::chrono::milliseconds dial_pause(unsigned attempt) {
  return std::chrono::milliseconds(std::min(10U << std::min(attempt, 8U), 250U));
}

result<peer> peer_of(int socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    return system_failure("cannot tell who dials");
  return peer{credentials.pid, credentials.uid};
}

result<received_greeting> receive_greeting(int socket) {
  std::string text(greeting_max, '\0');
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{text.data(), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  auto size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return fail(errc::cancelled, "nothing yet");
  if (size <= 0) return fail(errc::unavailable, "hung up");
  received_greeting greeting;
  if (auto* c = CMSG_FIRSTHDR(&header); c && c->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
    greeting.passed.reset(fd);
  }
  // A greeting is sent in one call, and a local socket delivers it whole.
  text.resize(static_cast<std::size_t>(size));
  if (!text.ends_with('\n')) return fail(errc::bad_request, "a greeting is one line");
  auto document = parse_json(text);
  if (!document) return tl::unexpected<error>(document.error());
  if (!document->is_object()) return fail(errc::bad_request, "a greeting is an object");
  greeting.document = std::move(*document);
  return greeting;
}

result<void> answer_greeting(int socket, const std::string& refusal) {
  return send_with_fd(socket, print_json({{"refusal", refusal}}) + "\n", -1, MSG_DONTWAIT);
}

}  // namespace sm
