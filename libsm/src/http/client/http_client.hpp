// A blocking HTTP client for the manager's API, over its Unix socket or TCP. Every wait has its
// deadline.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/client/server_address.hpp"
#include "system/unique_fd.hpp"

namespace sm {

struct client_request {
  std::string method = "GET";
  std::string target{};
  std::string body{};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
};

struct client_reply {
  unsigned status = 0;
  std::string content_type{};
  std::string body{};

  bool ok() const noexcept { return status >= 200 && status < 300; }
};

/// The error that a reply tells: that of its problem document, or what its status means.
error error_in(const client_reply& reply);

class http_client {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `token` is sent over TCP alone; "" for none.
  explicit http_client(server_address server, std::string token = {})
      : server_(std::move(server)), token_(std::move(token)) {}

  const server_address& server() const noexcept { return server_; }

  /// The reply, whatever its status. `unavailable` when the manager cannot be reached or hangs up,
  /// `timeout` when it does not answer by `deadline`, `bad_request` for what is no HTTP. The
  /// connection is kept for the next request.
  result<client_reply> ask(const client_request& rq, time_point deadline);

  /// Parts of a body as they come, until it ends or `part` returns false. `part` is called with ""
  /// about every 200 ms in which nothing came. The head must be there by `deadline`; then
  /// `unavailable` after `silence` without a byte (a stream of events has heartbeats). A reply that
  /// is no success comes back whole, as its error.
  result<void> follow(const client_request& rq, time_point deadline,
                      std::chrono::milliseconds silence,
                      const std::function<bool(std::string_view)>& part);

 private:
  result<void> connect(time_point deadline);
  result<void> send(const client_request& rq, time_point deadline);

  server_address server_;
  std::string token_;
  unique_fd socket_;
};

}  // namespace sm
