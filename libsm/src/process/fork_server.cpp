#include "process/fork_server.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>
#include <optional>
#include <sm/json.hpp>

#include "process/system_error.hpp"

namespace sm {
namespace {

constexpr std::size_t message_max = 8192;

result<std::pair<unique_fd, unique_fd>> socket_pair(int type, const char* what) {
  int fds[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) != 0) return system_failure(what);
  return std::pair{unique_fd(fds[0]), unique_fd(fds[1])};
}

/// Blocks until the next request; nothing when the manager is gone.
std::optional<std::pair<fork_request, unique_fd>> receive_request(int server_fd) {
  for (;;) {
    std::array<char, message_max> text;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec part{text.data(), text.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    auto size = ::recvmsg(server_fd, &header, MSG_CMSG_CLOEXEC);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return std::nullopt;
    unique_fd link;
    if (auto* c = CMSG_FIRSTHDR(&header); c && c->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
      link.reset(fd);
    }
    auto document = parse_json({text.data(), static_cast<std::size_t>(size)});
    if (!document || !link) continue;
    return std::pair{fork_request{document->value("id", std::uint64_t{0}),
                                  document->value("title", ""), document->value("output", "")},
                     std::move(link)};
  }
}

void send_reply(int server_fd, const fork_reply& reply) {
  auto text = print_json({{"id", reply.id}, {"pid", reply.pid}, {"reason", reply.reason}});
  while (::send(server_fd, text.data(), text.size(), MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

/// What a fresh process sets up before any of its own code runs.
void become_service_process(const fork_request& rq) {
  ::setsid();
  for (int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGPIPE}) std::signal(number, SIG_DFL);
  if (unique_fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC)); null) ::dup2(null.get(), 0);
  unique_fd output(::open(rq.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (output) {
    ::dup2(output.get(), 1);
    ::dup2(output.get(), 2);
  }
  ::prctl(PR_SET_NAME, rq.title.c_str(), 0, 0, 0);
}

}  // namespace

result<std::pair<unique_fd, unique_fd>> make_fork_channel() {
  return socket_pair(SOCK_SEQPACKET, "cannot make the fork server's channel");
}

result<std::pair<unique_fd, unique_fd>> make_link_pair() {
  return socket_pair(SOCK_STREAM, "cannot make a link");
}

result<void> send_fork_request(int server_fd, const fork_request& rq, int link_fd) {
  auto text = print_json({{"id", rq.id}, {"title", rq.title}, {"output", rq.output}});
  if (text.size() > message_max) return fail(errc::internal, "fork request too long", rq.title);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{text.data(), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  auto* c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(sizeof link_fd);
  std::memcpy(CMSG_DATA(c), &link_fd, sizeof link_fd);
  // MSG_DONTWAIT: a full channel is a failed spawn, which has its backoff, not a stopped event
  // loop.
  if (::sendmsg(server_fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return system_failure("cannot ask the fork server", rq.title);
  return {};
}

result<fork_reply> receive_fork_reply(int server_fd) {
  std::array<char, message_max> text;
  auto size = ::recv(server_fd, text.data(), text.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return fail(errc::cancelled, "no reply yet");
  if (size <= 0) return fail(errc::unavailable, "the fork server is gone");
  auto document = parse_json({text.data(), static_cast<std::size_t>(size)});
  if (!document) return tl::unexpected<error>(document.error());
  return fork_reply{document->value("id", std::uint64_t{0}), document->value("pid", -1),
                    document->value("reason", "")};
}

void serve_forks(unique_fd server_fd,
                 const std::function<void(const fork_request&, unique_fd link)>& child) {
  // Signals of the terminal or an impatient operator are for the manager; it ends us by closing.
  for (int number : {SIGTERM, SIGINT, SIGHUP}) std::signal(number, SIG_IGN);
  // The intermediate process leaves the new process's pid here, because it is gone when we reply.
  auto* shared = static_cast<pid_t*>(
      ::mmap(nullptr, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) return;
  while (auto next = receive_request(server_fd.get())) {
    auto& [rq, link] = *next;
    *shared = -1;
    auto between = ::fork();
    if (between == 0) {
      auto pid = ::fork();
      if (pid == 0) {
        server_fd.reset();
        become_service_process(rq);
        std::fflush(nullptr);
        child(rq, std::move(link));
        ::_exit(0);
      }
      *shared = pid > 0 ? pid : -errno;
      ::_exit(0);
    }
    fork_reply reply{.id = rq.id};
    if (between < 0) {
      reply.reason = "cannot fork: " + std::generic_category().message(errno);
    } else {
      while (::waitpid(between, nullptr, 0) < 0 && errno == EINTR) {
      }
      if (*shared > 0)
        reply.pid = *shared;
      else
        reply.reason = "cannot fork: " + std::generic_category().message(-*shared);
    }
    send_reply(server_fd.get(), reply);
  }
}

}  // namespace sm
