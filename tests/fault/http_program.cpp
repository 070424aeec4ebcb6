// A program that knows nothing of sm: an HTTP server on an inherited socket (LISTEN_FDS), for tests
// of reload under load. On SIGTERM it accepts no more, answers each connection's next request with
// "Connection: close", and ends with the last one. "--never-ready" takes connections of nobody and
// never says READY=1; "--life FOLDER" appends its pid now and then to the file of its
// instance.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace {

volatile std::sig_atomic_t draining = 0;

void say_ready() {
  const char* name = std::getenv("NOTIFY_SOCKET");
  if (!name) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  auto length = std::strlen(name);
  std::memcpy(address.sun_path, name, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ::sendto(fd, "READY=1", 7, 0, reinterpret_cast<sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
  ::close(fd);
}

/// True when the connection is over.
bool serve(int fd, std::string& input) {
  char block[4096];
  auto n = ::recv(fd, block, sizeof block, MSG_DONTWAIT);
  if (n < 0) return errno != EAGAIN && errno != EINTR;
  if (n == 0) return true;
  input.append(block, static_cast<std::size_t>(n));
  bool last = false;
  for (auto end = input.find("\r\n\r\n"); end != input.npos; end = input.find("\r\n\r\n")) {
    input.erase(0, end + 4);
    last = draining != 0;
    auto body = std::to_string(::getpid());
    auto answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                  (last ? "Connection: close\r\n" : "") + "\r\n" + body;
    if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return true;
  }
  return last;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { draining = 1; });
  const char* instance = std::getenv("SM_INSTANCE");
  if (!instance) return 2;
  std::string life;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--never-ready")
      for (;;) ::pause();
    if (std::string(argv[i]) == "--life" && i + 1 < argc)
      life = std::string(argv[i + 1]) + "/" + instance;
  }
  const char* count = std::getenv("LISTEN_FDS");
  const char* whom = std::getenv("LISTEN_PID");
  if (!count || !whom || std::atoi(count) != 1 || std::atoi(whom) != ::getpid()) return 3;
  const int listener = 3;
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  // Pids come again, so the time of the start belongs to it.
  const auto line = std::to_string(::getpid()) + "." + std::to_string(now.tv_sec) + "." +
                    std::to_string(now.tv_nsec) + "\n";
  ::fcntl(listener, F_SETFL, O_NONBLOCK);
  std::map<int, std::string> connections;
  say_ready();
  while (draining == 0 || !connections.empty()) {
    if (!life.empty()) {
      int fd = ::open(life.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      [[maybe_unused]] auto n = ::write(fd, line.data(), line.size());
      ::close(fd);
    }
    std::vector<pollfd> watched;
    if (draining == 0) watched.push_back({listener, POLLIN, 0});
    for (auto& [fd, input] : connections) watched.push_back({fd, POLLIN, 0});
    ::poll(watched.data(), watched.size(), 20);
    for (auto& w : watched) {
      if (w.revents == 0) continue;
      if (w.fd == listener) {
        for (;;) {
          int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
          if (fd < 0) break;
          connections.try_emplace(fd);
        }
      } else if (serve(w.fd, connections[w.fd])) {
        ::close(w.fd);
        connections.erase(w.fd);
      }
    }
  }
  return 0;
}
