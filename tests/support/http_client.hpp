// A small blocking HTTP client for tests, over a plain socket, so that it can misbehave on purpose.
// Every operation has a deadline; what does not arrive in time throws.
#pragma once

#include <chrono>
#include <map>
#include <sm/json.hpp>
#include <string>

#include "system/unique_fd.hpp"

namespace sm::test {

struct http_reply {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  json document() const { return json::parse(body); }
};

/// One connection to 127.0.0.1:PORT or to a Unix socket.
class http_connection {
 public:
  explicit http_connection(int port);
  explicit http_connection(const std::string& unix_socket);

  /// Sends bytes as they are; false when the peer has closed.
  bool send(std::string_view bytes);
  /// Reads one response; `head` means that none has a body.
  http_reply receive(bool head = false);
  /// Reads up to and including `end`.
  std::string receive_until(const std::string& end);
  /// True when the peer closes within `patience` without sending more.
  bool closed_within(std::chrono::milliseconds patience);

  http_reply request(const std::string& method, const std::string& target,
                     const std::string& body = {},
                     const std::map<std::string, std::string>& headers = {});

  int fd() const { return fd_.get(); }

 private:
  bool read_some(std::chrono::milliseconds patience);

  unique_fd fd_;
  std::string buffer_;
};

/// With sanitizers, on a busy machine, a page of many megabytes takes its time.
inline constexpr std::chrono::milliseconds patience{60'000};

}  // namespace sm::test
