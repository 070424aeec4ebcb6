#include "process/rendezvous.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "system/system_error.hpp"

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

result<void> send_with_fds(int socket, std::string_view text, const std::vector<int>& passed,
                           int flags) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(passed_max * sizeof(int))> control{};
  iovec part{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  auto size = passed.size() * sizeof(int);
  if (passed.size() > passed_max) return fail(errc::internal, "too many descriptors");
  if (!passed.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(size);
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(c), passed.data(), size);
  }
  for (;;) {
    auto n = ::sendmsg(socket, &header, MSG_NOSIGNAL | flags);
    if (n < 0 && errno == EINTR) continue;
    if (n != static_cast<ssize_t>(text.size())) return system_failure("cannot send");
    return {};
  }
}

result<received_message> receive_with_fds(int socket, std::size_t size_max) {
  received_message message;
  message.text.resize(size_max);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(passed_max * sizeof(int))> control{};
  iovec part{message.text.data(), message.text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  auto size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return fail(errc::cancelled, "nothing yet");
  if (size <= 0) return fail(errc::unavailable, "hung up");
  message.text.resize(static_cast<std::size_t>(size));
  for (auto* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_type != SCM_RIGHTS) continue;
    std::vector<int> fds((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(fds.data(), CMSG_DATA(c), fds.size() * sizeof(int));
    for (int fd : fds) message.passed.emplace_back(fd);
  }
  return message;
}

result<unique_fd> dial_manager(const std::filesystem::path& socket, const json& greeting,
                               const std::vector<int>& passed) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.string().size() >= sizeof address.sun_path)
    return fail(errc::unavailable, "the path is too long for a socket", socket.string());
  std::strcpy(address.sun_path, socket.c_str());
  unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return system_failure("cannot reach the manager", socket.string());
  if (auto sent = send_with_fds(fd.get(), print_json(greeting) + "\n", passed, 0); !sent)
    return tl::unexpected<error>(sent.error());
  auto line = read_line(fd.get());
  if (!line) return tl::unexpected<error>(line.error());
  auto answer = parse_json(*line);
  if (!answer || !answer->is_object())
    return fail(errc::unavailable, "the manager's answer is no JSON");
  auto refusal = answer->find("refusal");
  if (refusal == answer->end() || !refusal->is_string())
    return fail(errc::unavailable, "the manager's answer says nothing");
  if (auto& why = refusal->get_ref<const std::string&>(); !why.empty())
    return fail(errc::conflict, why);
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
  // A greeting is sent in one call, and a local socket delivers it whole.
  auto message = receive_with_fds(socket, greeting_max);
  if (!message) return tl::unexpected<error>(message.error());
  if (!message->text.ends_with('\n')) return fail(errc::bad_request, "a greeting is one line");
  auto document = parse_json(message->text);
  if (!document) return tl::unexpected<error>(document.error());
  if (!document->is_object()) return fail(errc::bad_request, "a greeting is an object");
  return received_greeting{std::move(*document), std::move(message->passed)};
}

result<void> answer_greeting(int socket, const std::string& refusal) {
  return send_with_fds(socket, print_json({{"refusal", refusal}}) + "\n", {}, MSG_DONTWAIT);
}

}  // namespace sm
