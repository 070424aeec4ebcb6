#include "fake_redis.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace sm::test {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/// A line without its end, or nothing when the peer is gone.
bool read_line(int fd, std::string& line) {
  line.clear();
  for (char c = 0; ::recv(fd, &c, 1, 0) == 1;) {
    if (c == '\n') {
      line.pop_back();
      return true;
    }
    line += c;
  }
  return false;
}

}  // namespace

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

fake_redis::command read_command(int fd) {
  fake_redis::command words;
  std::string line;
  if (!read_line(fd, line) || !line.starts_with('*')) return {};
  words.resize(std::stoul(line.substr(1)));
  for (auto& word : words) {
    if (!read_line(fd, line)) return {};
    word.resize(std::stoul(line.substr(1)));
    if (!word.empty() && ::recv(fd, word.data(), word.size(), MSG_WAITALL) <= 0) return {};
    if (!read_line(fd, line)) return {};
  }
  return words;
}

std::string bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

fake_redis::fake_redis(handler serve) : serve_(std::move(serve)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener_, 64) != 0)
    throw std::runtime_error("no port is free");
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

fake_redis::~fake_redis() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    std::lock_guard lock(mutex_);
    for (int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& t : threads_) t.join();
  for (int fd : open_) ::close(fd);
  ::close(listener_);
}

void fake_redis::accept_all() {
  while (!stopping_) {
    int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    std::lock_guard lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] {
      serve_(fd);
      ::shutdown(fd, SHUT_RDWR);
    });
  }
}

fake_redis::handler fake_redis::answering(std::function<std::string(const command&)> answer) {
  return [answer = std::move(answer)](int fd) {
    for (auto words = read_command(fd); !words.empty(); words = read_command(fd))
      if (!send_all(fd, answer(words))) return;
  };
}

fake_redis::handler fake_redis::passing_on(int port,
                                           std::function<std::string(std::string)> change) {
  return [port, change = std::move(change)](int client) {
    int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(port);
    bool goes_on = ::connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    std::array<char, 64 << 10> chunk;
    while (goes_on) {
      std::array<pollfd, 2> ends{pollfd{client, POLLIN, 0}, pollfd{server, POLLIN, 0}};
      ::poll(ends.data(), ends.size(), -1);
      for (auto& end : ends) {
        if (end.revents == 0) continue;
        auto n = ::recv(end.fd, chunk.data(), chunk.size(), 0);
        std::string bytes(chunk.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        goes_on = n > 0 && (end.fd == client ? send_all(server, bytes)
                                             : send_all(client, change(std::move(bytes))));
        if (!goes_on) break;
      }
    }
    ::close(server);
  };
}

}  // namespace sm::test
