// The HTTP server: accepts connections on TCP and on the Unix socket, keeps them within their
// limits and brings requests to their endpoints. Runs in the loop alone.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <sm/config.hpp>
#include <sm/http.hpp>
#include <sm/log.hpp>
#include <unordered_map>
#include <unordered_set>

#include "gateway/certificate_keeper.hpp"
#include "gateway/incoming_request.hpp"
#include "http/access_rules.hpp"
#include "http/guard.hpp"
#include "http/router.hpp"
#include "link/loop.hpp"
#include "log/rate_limit.hpp"
#include "process/bound_path.hpp"
#include "process/descriptor_reserve.hpp"
#include "process/inherited_sockets.hpp"
#include "security/attempt_limit.hpp"
#include "telemetry/traffic_metrics.hpp"

namespace sm {

class connection;
class request_logs;

/// What stands behind a route.
struct endpoint {
  route_handler handler;
  route_access access = route_access::user;
  std::string name{};              ///< "GET /api/:x", for the log
  std::optional<api_role> role{};  ///< who may; of a user route, nothing where anybody may
  std::string operation{};         ///< its id in the table of operations
  bool audited = false;            ///< each of its requests is in the audit log
  /// What who is not let in is told; a problem document without it.
  std::function<response(const error&, const request_head&, const request_target&)> refusal{};
};

/// What one listener's clients have in use. Each listener has limits of its own, so that strangers
/// on TCP or http.socket never keep the manager's user out of the Unix socket; and each kind of
/// route, so that a slow one of the program's never keeps a probe waiting.
struct listener_share {
  bool over_tcp = false;
  std::size_t connections_max = 0;
  std::size_t connections = 0;
  std::list<connection*> idle{};         ///< the longest idle one first
  std::array<std::size_t, 3> pending{};  ///< requests waiting for their answer
  std::shared_ptr<std::atomic<std::uint64_t>> body_bytes =
      std::make_shared<std::atomic<std::uint64_t>>();

  std::size_t& pending_of(const endpoint& e) {
    if (e.access == route_access::user) return pending[0];
    return pending[e.access == route_access::management || e.access == route_access::page ? 1 : 2];
  }
};

/// A socket that listens, and the pause before it is tried again.
template <class Protocol>
struct accepting_socket {
  accepting_socket(asio::io_context& context, listener_share& s)
      : acceptor(context), pause(context), share(s) {}
  void close() {
    error_code ignored;
    ++generation;
    pause.cancel();
    acceptor.close(ignored);
  }

  /// A completion that is queued already is not taken back by a close: it goes on only with what it
  /// was asked of.
  unsigned generation = 0;
  typename Protocol::acceptor acceptor;
  asio::steady_timer pause;
  listener_share& share;
};

/// A Unix socket that was bound here.
struct local_socket : accepting_socket<asio::local::stream_protocol> {
  using accepting_socket::accepting_socket;
  bound_path path{};
  mode_t mode = 0;
  bool ours = true;  ///< not of who started the manager, and may want it again
};

class gateway {
 public:
  gateway(loop& l, const http_config& config, logger log, const router<endpoint>& routes,
          manager& services);
  ~gateway();

  /// Sockets that who started the manager bound for it: one on TCP is used in the place of
  /// http.listen, Unix sockets besides our own. Those that an earlier manager left (`listening`)
  /// are used where they are of the same address. Before `listen_tcp` and `listen_unix`.
  void inherit(std::vector<inherited_socket> sockets) { inherited_ = std::move(sockets); }
  /// Copies of the listening sockets, for the next manager.
  std::vector<inherited_socket> listening();

  /// Binds http.listen; refuses an address that is not a loopback one unless http.insecure is set.
  result<void> listen_tcp(std::string token, access_tokens& others);
  /// Whose secret it is; `unauthorized` for nobody's.
  result<credential> credential_of(std::string_view secret) const;
  /// The cookie in which a browser shows its secret.
  const std::string& session_cookie() const noexcept { return guard_.cookie; }
  /// Who showed it is there no more: answers on their way to him end.
  void revoke(std::string_view token);
  /// Reads who has a role by user or certificate. Before it listens.
  result<void> read_access();
  /// Binds the Unix socket of the manager's own user (mode 0600), and http.socket for all those
  /// that have a role.
  result<void> listen_local(const std::filesystem::path& own);
  /// Binds them again when somebody removed one.
  result<void> restore_local();
  /// "127.0.0.1:9501" with the port that was bound; "" without TCP.
  const std::string& address() const noexcept { return address_; }
  /// "https://127.0.0.1:9501"; "" without TCP.
  std::string url() const;
  certificate_keeper& certificate() noexcept { return certificate_; }

  /// Tells `logs` of requests from now on.
  void write_down_to(request_logs& logs) { logs_ = &logs; }

  /// Accepts no more, closes idle connections, lets requests in flight finish for `patience`; then
  /// calls `done`.
  void drain(std::chrono::milliseconds patience, std::function<void()> done);

  /// Closes what is still open while it drains.
  void close_all();

  /// What was asked and answered, and who is there now.
  http_figures figures() const;

 private:
  friend class connection;

  unique_fd take_tcp(const asio::ip::tcp::endpoint& where);
  std::optional<inherited_socket> take_unix(const std::string& path);
  result<void> clear_place(const std::filesystem::path& path);
  result<void> bind_local(local_socket& s, const std::filesystem::path& path, mode_t mode);
  static void close_on_exec(int fd);
  bool is_unwanted(const inherited_socket& s) const;
  void accept_others();
  template <class Protocol>
  void accept(accepting_socket<Protocol>& l);
  template <class Protocol>
  void accept_without_room(accepting_socket<Protocol>& l);
  template <class Protocol>
  bool accept_from_reserve(accepting_socket<Protocol>& l);
  template <class Protocol>
  void accept_later(accepting_socket<Protocol>& l);
  /// Whatever it throws, such as that memory ran out, ends this connection alone.
  template <class Socket>
  void adopt(Socket socket, listener_share& share);
  template <class Socket>
  void connect(Socket socket, listener_share& share);
  template <class Socket>
  void turn_away(Socket& socket);
  void forget(const std::shared_ptr<connection>& c);
  static bool make_room(listener_share& share);
  request_number next_number() { return {run_, ++numbers_}; }
  void sweep();
  void check_deadlines();
  void check_drained();
  void tell_refused(const connection& c, const std::string& why);

  loop& loop_;
  const http_config& config_;
  logger log_;
  rate_limit out_of_memory_, cannot_accept_, refused_certificate_;
  const router<endpoint>& routes_;
  manager& services_;
  guard_policy guard_;
  attempt_limit wrong_secrets_;
  access_rules access_;
  listener_share over_tcp_, over_own_, over_shared_;
  accepting_socket<asio::ip::tcp> tcp_;
  local_socket own_, shared_;
  std::vector<inherited_socket> inherited_;
  std::list<accepting_socket<asio::local::stream_protocol>> others_;
  std::string address_;
  descriptor_reserve reserve_;
  std::unordered_set<std::shared_ptr<connection>> connections_;
  std::array<char, 64 << 10> arrived_;  // where a connection reads to before it keeps what it needs
  certificate_keeper certificate_;
  request_logs* logs_ = nullptr;
  const std::uint32_t run_;
  std::uint64_t numbers_ = 0;
  asio::steady_timer sweep_timer_;
  asio::steady_timer drain_timer_;
  std::chrono::milliseconds sweep_period_;
  bool sweeping_ = false;
  bool draining_ = false;
  std::function<void()> on_drained_;
  std::unordered_map<const endpoint*, route_tally> answered_;  // null: what no route took
  std::uint64_t refused_connections_ = 0;
};

}  // namespace sm
