#include "gateway/gateway.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <random>
#include <sm/guarded.hpp>

#include "gateway/connection.hpp"
#include "http/listen_endpoint.hpp"
#include "http/response_head.hpp"
#include "security/access_tokens.hpp"
#include "system/system_error.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t reserved_descriptors = 32;
constexpr std::size_t descriptors_per_request = 2;  // its connection, and what its handler opens
constexpr std::size_t kept_for_refusals = 2;
/// The names that one manager gives its sockets for the next one.
constexpr const char* own_tcp = "sm-http";
constexpr const char* own_unix = "sm-unix";
constexpr const char* accepting = "the accepting of connections";  // for the log

/// Asio does not do it: without this the fork server and every service would hold the port open.
void close_on_exec(int fd) { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

/// Who is at the other end of a Unix socket: the manager's own user or root, nobody else.
std::optional<principal> peer_of(asio::local::stream_protocol::socket& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  if (peer.uid != ::geteuid() && peer.uid != 0) return {};
  return principal{.from = principal::origin::unix_socket,
                   .uid = peer.uid,
                   .gid = peer.gid,
                   .pid = peer.pid,
                   .role = api_role::admin};
}

/// Nothing for one who has gone already.
std::optional<principal> peer_of(asio::ip::tcp::socket& socket) {
  error_code ec;
  auto end = socket.remote_endpoint(ec);
  if (ec) return {};
  auto host = end.address().to_string();
  if (end.address().is_v6()) host = "[" + host + "]";
  return principal{.from = principal::origin::tcp,
                   .address = host + ":" + std::to_string(end.port())};
}

}  // namespace

gateway::gateway(loop& l, const http_config& config, logger log, const router<endpoint>& routes,
                 manager& services)
    : loop_(l),
      config_(config),
      log_(std::move(log)),
      routes_(routes),
      services_(services),
      over_tcp_{
          .over_tcp = true,
          .connections_max = std::min<std::size_t>(config.connections_max, descriptor_limit() / 2)},
      over_unix_{.over_tcp = false, .connections_max = config.connections_max},
      tcp_(l.context(), over_tcp_),
      unix_(l.context(), over_unix_),
      reserve_(reserved_descriptors),
      certificate_(l, config, log_),
      run_(std::random_device{}()),
      sweep_timer_(l.context()),
      drain_timer_(l.context()) {
  auto shortest = std::min({config.header_timeout, config.body_timeout, config.idle_timeout,
                            config.request_timeout, config.write_timeout});
  sweep_period_ = std::clamp<std::chrono::milliseconds>(shortest / 4, 20ms, 1000ms);
}

gateway::~gateway() = default;

result<void> gateway::listen_tcp(std::string token, access_tokens& others) {
  auto where = listen_endpoint(config_);
  if (!where) return tl::unexpected<error>(where.error());
  if (auto ok = certificate_.open(); !ok) return ok;
  error_code ec;
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(where->address, ec), where->port);
  if (ec) return fail(errc::invalid_spec, ec.message(), "http.listen");
  if (auto given = take_tcp(endpoint)) {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(given.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    auto protocol = bound.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    tcp_.acceptor.assign(protocol, given.release(), ec);
    auto end = tcp_.acceptor.local_endpoint(ec);
    if (!ec && !end.address().is_loopback() && !config_.insecure && !certificate_.current())
      return fail(errc::invalid_spec,
                  "the inherited socket can be reached from other hosts, without TLS: set "
                  "http.tls_certificate and http.tls_key, or http.insecure=true if you mean it",
                  "http.listen");
    if (!ec)
      where->host =
          end.address().is_v6() ? "[" + end.address().to_string() + "]" : end.address().to_string();
  } else {
    tcp_.acceptor.open(endpoint.protocol(), ec);
    if (!ec) tcp_.acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) tcp_.acceptor.bind(endpoint, ec);
    if (!ec) tcp_.acceptor.listen(asio::socket_base::max_listen_connections, ec);
  }
  if (ec) return fail(errc::unavailable, "cannot listen: " + ec.message(), config_.listen);
  close_on_exec(tcp_.acceptor.native_handle());
  tcp_.acceptor.non_blocking(true);
  address_ = where->host + ":" + std::to_string(tcp_.acceptor.local_endpoint().port());
  guard_ = make_guard_policy(address_, config_, std::move(token));
  guard_.tokens = &others;
  accept(tcp_);
  return {};
}

std::string gateway::url() const {
  return address_.empty() ? std::string()
                          : (certificate_.current() ? "https://" : "http://") + address_;
}

/// Of a name of our own, the address must be the one that is wanted.
unique_fd gateway::take_tcp(const asio::ip::tcp::endpoint& where) {
  for (auto s = inherited_.begin(); s != inherited_.end(); ++s) {
    asio::ip::tcp::endpoint end;
    auto size = static_cast<socklen_t>(end.capacity());
    if (::getsockname(s->fd.get(), end.data(), &size) != 0) continue;
    auto family = end.data()->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    bool same =
        end.address() == where.address() && (where.port() == 0 || end.port() == where.port());
    auto fd = std::move(s->fd);
    bool ours = s->name == own_tcp;
    inherited_.erase(s);
    if (ours && !same) return {};
    return fd;
  }
  return {};
}

/// The one that is bound to `path`, if the path still leads to a socket.
unique_fd gateway::take_unix(const std::string& path) {
  for (auto s = inherited_.begin(); s != inherited_.end(); ++s) {
    sockaddr_un end{};
    socklen_t size = sizeof end;
    if (::getsockname(s->fd.get(), reinterpret_cast<sockaddr*>(&end), &size) != 0) continue;
    if (end.sun_family != AF_UNIX || path != end.sun_path) continue;
    auto fd = std::move(s->fd);
    inherited_.erase(s);
    struct stat there {};
    if (::stat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode)) return fd;
    return {};
  }
  return {};
}

void gateway::accept_others() {
  for (auto& s : std::exchange(inherited_, {})) {
    sockaddr_storage end{};
    socklen_t size = sizeof end;
    if (::getsockname(s.fd.get(), reinterpret_cast<sockaddr*>(&end), &size) != 0) continue;
    if (end.ss_family != AF_UNIX) {
      log_.warn("an inherited socket ({}) is not used", s.name);
      continue;
    }
    auto& other = others_.emplace_back(loop_.context(), over_unix_);
    error_code ec;
    other.acceptor.assign(asio::local::stream_protocol(), s.fd.release(), ec);
    if (!ec) other.acceptor.non_blocking(true, ec);
    if (!ec) accept(other);
  }
}

std::vector<inherited_socket> gateway::listening() {
  std::vector<inherited_socket> all;
  auto copy = [&](int fd, const char* name) {
    all.push_back({unique_fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)), name});
  };
  if (tcp_.acceptor.is_open()) copy(tcp_.acceptor.native_handle(), own_tcp);
  if (unix_.acceptor.is_open()) copy(unix_.acceptor.native_handle(), own_unix);
  for (auto& other : others_) copy(other.acceptor.native_handle(), "");
  return all;
}

result<void> gateway::listen_unix(const std::filesystem::path& path) {
  error_code ec;
  if (auto given = take_unix(path.string())) {
    unix_.acceptor.assign(asio::local::stream_protocol(), given.release(), ec);
    if (ec) return fail(errc::unavailable, "cannot listen: " + ec.message(), path.string());
    unix_path_ = bound_path(path);
    unix_.acceptor.non_blocking(true);
    accept(unix_);
    accept_others();
    return {};
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);  // the state folder's lock says that nobody serves it
  asio::local::stream_protocol::endpoint where;
  try {
    where = path.string();
  } catch (const boost::system::system_error& e) {
    return fail(errc::unavailable, "the path is too long for a socket (107 bytes)", path.string());
  }
  auto mask = ::umask(0177);
  unix_.acceptor.open(where.protocol(), ec);
  if (!ec) unix_.acceptor.bind(where, ec);
  ::umask(mask);
  if (!ec) unix_.acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    unix_.close();  // nobody shall take it for one that listens
    return fail(errc::unavailable, "cannot listen: " + ec.message(), path.string());
  }
  close_on_exec(unix_.acceptor.native_handle());
  unix_path_ = bound_path(path);
  unix_.acceptor.non_blocking(true);
  accept(unix_);
  accept_others();
  return {};
}

result<void> gateway::restore_unix() {
  if (unix_path_.path().empty() || draining_) return {};
  if (unix_.acceptor.is_open() && unix_path_.leads_to_it()) return {};
  unix_.close();
  auto path = unix_path_.path();
  auto bound = listen_unix(path);
  if (bound) log_.warn("{} was removed, and is there again", path.string());
  return bound;
}

template <class Protocol>
void gateway::accept(accepting_socket<Protocol>& l) {
  auto on_accepted = [this, &l, of = l.generation](error_code ec, auto socket) {
    if (!ec) adopt(std::move(socket), l.share);
    if (of != l.generation) return;
    if (!ec || ec == asio::error::connection_aborted) return accept(l);
    if (ec == asio::error::no_descriptors ||
        ec == boost::system::errc::too_many_files_open_in_system)
      return accept_without_room(l);
    accept_later(l);
    if (auto silent = cannot_accept_.allow(clock::now()))
      log_.error("cannot accept connections: {} ({} times more)", ec.message(), *silent);
  };
  if (!guarded(accepting, [&] { l.acceptor.async_accept(std::move(on_accepted)); }))
    accept_later(l);
}

/// What failed would fail again at once.
template <class Protocol>
void gateway::accept_later(accepting_socket<Protocol>& l) {
  l.pause.expires_after(100ms);
  l.pause.async_wait([this, &l, of = l.generation](error_code ec) {
    if (!ec && of == l.generation) accept(l);
  });
}

/// accept(2) says that there is no descriptor before it looks whether anybody waits (Linux 6.1):
/// whoever would make room for nobody would close the connection that took the last one.
template <class Protocol>
void gateway::accept_without_room(accepting_socket<Protocol>& l) {
  l.acceptor.async_wait(Protocol::acceptor::wait_read, [this, &l, of = l.generation](error_code) {
    if (of != l.generation) return;
    auto taken = guarded(accepting, [&] { return accept_from_reserve(l); });
    taken&&* taken ? accept(l) : accept_later(l);
  });
}

/// Somebody waits, and the process may have no descriptor left: an idle connection gives its own;
/// else what is kept for this serves the manager's own user, and tells everybody else that there is
/// no room.
template <class Protocol>
bool gateway::accept_from_reserve(accepting_socket<Protocol>& l) {
  error_code ec;
  if (auto socket = l.acceptor.accept(ec); !ec) {  // one has become free meanwhile
    adopt(std::move(socket), l.share);
    return true;
  }
  if (ec == asio::error::would_block || make_room(l.share)) return true;
  bool served = !l.share.over_tcp && reserve_.lend(descriptors_per_request, kept_for_refusals);
  if (!served && !reserve_.lend(1)) return false;
  auto socket = l.acceptor.accept(ec);
  auto before = l.share.connections;
  if (!ec && served) {
    adopt(std::move(socket), l.share);
  } else if (!ec) {
    (void)guarded(accepting, [&] { turn_away(socket); });
    socket.close(ec);
  }
  if (l.share.connections == before) reserve_.refill();
  return !ec;
}

template <class Socket>
void gateway::turn_away(Socket& socket) {
  ++refused_connections_;
  if (std::is_same_v<Socket, asio::ip::tcp::socket> && certificate_.current())
    return;  // a handshake would wait
  std::string text;
  auto r = to_response(error{errc::overloaded, "too many connections", {}});
  append_response_head(text, r, {.close = true});
  text += r.body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(Socket::shutdown_send, ignored);
  // Closing on what was not read would reset the connection and take the answer with it.
  socket.read_some(asio::buffer(arrived_), ignored);
}

template <class Socket>
void gateway::adopt(Socket socket, listener_share& share) {
  (void)guarded(accepting, [&] { connect(std::move(socket), share); });
}

template <class Socket>
void gateway::connect(Socket socket, listener_share& share) {
  auto peer = peer_of(socket);
  if (!peer) return;
  if (share.connections >= share.connections_max && !make_room(share)) return turn_away(socket);
  error_code ignored;
  close_on_exec(socket.native_handle());
  socket.non_blocking(true, ignored);
  if constexpr (std::is_same_v<Socket, asio::ip::tcp::socket>)
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  transport by(transport::socket(std::move(socket)), std::move(*peer));
  if (share.over_tcp && certificate_.current()) by.secure(certificate_.current());
  auto c = std::make_shared<connection>(*this, std::move(by), share);
  connections_.insert(c);
  try {
    c->start();
    if (!sweeping_) sweep();
  } catch (...) {
    c->close();
    throw;
  }
  // It was taken before the socket was closed; what it asks for by now is answered.
  if (draining_ && !c->has_input()) c->close();
}

/// Closes the connection that has been idle for the longest time; false when none is idle. One
/// whose next request has arrived already is not.
bool gateway::make_room(listener_share& share) {
  auto oldest = std::find_if(share.idle.begin(), share.idle.end(),
                             [](auto* c) { return !c->writing() && !c->has_input(); });
  if (oldest == share.idle.end()) return false;
  (*oldest)->close();
  return true;
}

void gateway::forget(const std::shared_ptr<connection>& c) {
  connections_.erase(c);
  reserve_.refill();
  check_drained();
}

/// Looks at all deadlines now and then, only while there are connections: one timer instead of one
/// each.
void gateway::sweep() {
  sweeping_ = false;
  if (connections_.empty()) return;
  sweep_timer_.expires_after(sweep_period_);
  sweep_timer_.async_wait([this](error_code ec) {
    if (ec) return;
    (void)guarded("the deadlines of connections", [this] { check_deadlines(); });
    sweep();
  });
  sweeping_ = true;
}

void gateway::check_deadlines() {
  auto now = clock::now();
  auto unix_now = std::chrono::duration_cast<std::chrono::seconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count();
  std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
  for (auto& c : all)
    if (c->streaming() && !c->token().empty() && guard_.tokens &&
        !guard_.tokens->is_valid(c->token(), unix_now))
      c->close();
    else if (!guarded("a connection's deadline", [&] { c->check_deadline(now); }))
      c->close();
}

void gateway::drain(std::chrono::milliseconds patience, std::function<void()> done) {
  draining_ = true;
  tcp_.close();
  unix_.close();
  for (auto& other : others_) other.close();
  on_drained_ = std::move(done);
  std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
  for (auto& c : all) c->finish();
  drain_timer_.expires_after(patience);
  drain_timer_.async_wait([this](error_code ec) {
    if (!ec) close_all();
  });
  check_drained();
}

result<credential> gateway::credential_of(std::string_view secret) const {
  auto now = std::chrono::duration_cast<std::chrono::seconds>(
                 std::chrono::system_clock::now().time_since_epoch())
                 .count();
  return sm::credential_of(guard_, secret, now);
}

void gateway::revoke(std::string_view token) {
  std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
  for (auto& c : all)
    if (c->token() == token) c->close();
}

http_figures gateway::figures() const {
  http_figures now{.connections = connections_.size(), .refused = refused_connections_};
  for (auto& c : connections_) now.streams += c->streaming() ? 1 : 0;
  for (auto& [route, tally] : answered_) now.routes[route ? route->name : ""] = tally;
  return now;
}

void gateway::close_all() {
  std::vector<std::shared_ptr<connection>> all(connections_.begin(), connections_.end());
  for (auto& c : all) c->close();
}

void gateway::check_drained() {
  if (!on_drained_ || !connections_.empty()) return;
  drain_timer_.cancel();
  sweep_timer_.cancel();
  certificate_.stop();
  asio::post(loop_.context(), [this] {
    if (auto done = std::exchange(on_drained_, nullptr)) done();
  });
}

}  // namespace sm
