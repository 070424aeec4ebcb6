#include "http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace sm::test {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

http_connection::http_connection(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to port " + std::to_string(port) + ": " +
                             std::strerror(errno));
}

http_connection::http_connection(const std::string& unix_socket)
    : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_socket.c_str(), sizeof address.sun_path - 1);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to " + unix_socket + ": " + std::strerror(errno));
}

bool http_connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool http_connection::read_some(std::chrono::milliseconds timeout) {
  pollfd watched{fd_.get(), POLLIN, 0};
  if (::poll(&watched, 1, static_cast<int>(timeout.count())) <= 0)
    throw std::runtime_error("nothing arrived in time");
  char chunk[65536];
  auto n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  buffer_.append(chunk, static_cast<std::size_t>(n));
  return true;
}

std::string http_connection::receive_until(const std::string& end) {
  std::size_t at = 0;
  while ((at = buffer_.find(end)) == buffer_.npos)
    if (!read_some(patience))
      throw std::runtime_error("closed before '" + end + "', after: " + buffer_);
  auto text = buffer_.substr(0, at + end.size());
  buffer_.erase(0, at + end.size());
  return text;
}

http_reply http_connection::receive(bool head) {
  auto text = receive_until("\r\n\r\n");
  http_reply reply;
  reply.status = std::stoi(text.substr(text.find(' ') + 1));
  for (auto at = text.find("\r\n") + 2; at < text.size() - 2;) {
    auto end = text.find("\r\n", at);
    auto line = text.substr(at, end - at);
    auto colon = line.find(": ");
    reply.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = end + 2;
  }
  auto length =
      reply.headers.contains("content-length") ? std::stoul(reply.headers["content-length"]) : 0;
  if (head) length = 0;
  while (buffer_.size() < length)
    if (!read_some(patience)) throw std::runtime_error("closed inside a body");
  reply.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return reply;
}

bool http_connection::closed_within(std::chrono::milliseconds timeout) {
  try {
    return !read_some(timeout);
  } catch (const std::runtime_error&) {
    return false;
  }
}

http_reply http_connection::request(const std::string& method, const std::string& target,
                                    const std::string& body,
                                    const std::map<std::string, std::string>& headers) {
  auto text = method + " " + target + " HTTP/1.1\r\n";
  if (!headers.contains("Host")) text += "Host: localhost\r\n";
  for (auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send(text + "\r\n" + body);
  return receive(method == "HEAD");
}

}  // namespace sm::test
