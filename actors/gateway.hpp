// The HTTP server: accepts connections on TCP and on the Unix socket, keeps them within their
// limits and brings requests to their endpoints. Runs in the loop alone.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <sm/config.hpp>
#include <sm/http.hpp>
#include <sm/log.hpp>
#include <unordered_set>

#include "http/guard.hpp"
#include "http/router.hpp"
#include "loop.hpp"
#include "process/bound_path.hpp"

namespace sm {

class connection;

/// What stands behind a route.
struct endpoint {
  route_handler handler;
  bool management = false;  ///< needs the token on TCP
};

struct gateway_counters {
  std::uint64_t requests = 0;
  std::uint64_t refused_connections = 0;
  std::size_t pending = 0;  ///< requests waiting for their answer
};

class gateway {
 public:
  gateway(loop& l, const http_config& config, logger log, const router<endpoint>& routes,
          manager& services);
  ~gateway();

  /// Binds http.listen; refuses an address that is not a loopback one unless http.insecure is set.
  result<void> listen_tcp(std::string token);
  /// Binds the Unix socket (mode 0600); its peers are checked by uid and need no token.
  result<void> listen_unix(const std::filesystem::path& path);
  /// Binds it again when somebody removed it.
  result<void> restore_unix();
  /// "127.0.0.1:9501" with the port that was bound; "" without TCP.
  const std::string& address() const noexcept { return address_; }

  /// Accepts no more, closes idle connections, lets requests in flight finish for `patience`; then
  /// calls `done`.
  void drain(std::chrono::milliseconds patience, std::function<void()> done);

  /// Closes what is still open while it drains.
  void close_all();

 private:
  friend class connection;

  template <class Acceptor>
  void accept(Acceptor& acceptor);
  template <class Socket>
  void adopt(Socket socket, bool over_tcp);
  void forget(const std::shared_ptr<connection>& c);
  bool make_room();
  void sweep();
  void check_drained();

  loop& loop_;
  const http_config& config_;
  logger log_;
  const router<endpoint>& routes_;
  manager& services_;
  guard_policy guard_;
  asio::ip::tcp::acceptor tcp_;
  asio::local::stream_protocol::acceptor unix_;
  bound_path unix_path_;
  std::string address_;
  std::unordered_set<std::shared_ptr<connection>> connections_;
  std::list<connection*> idle_;  // the longest idle one first
  std::list<connection*> streams_;
  asio::steady_timer sweep_timer_;
  asio::steady_timer drain_timer_;
  std::chrono::milliseconds sweep_period_;
  bool sweeping_ = false;
  std::function<void()> on_drained_;
  gateway_counters counters_;
};

}  // namespace sm
