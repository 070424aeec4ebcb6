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
constexpr const char* accepting = "the accepting of connections";  // for the log

/// The groups of who is at the other end of a Unix socket, besides its own one (Linux 4.13).
std::vector<gid_t> groups_of_peer(int fd) {
  std::vector<gid_t> groups(32);
  // Asked again once it has said how many there are.
  for (int attempt = 0; attempt < 2; ++attempt) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    bool known = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0;
    bool more = !known && errno == ERANGE;
    groups.resize(known || more ? size / sizeof(gid_t) : 0);
    if (!more) return groups;
  }
  groups.clear();
  return groups;
}

/// Who is at the other end of a Unix socket: the manager's own user and root may all.
std::optional<principal> peer_of(asio::local::stream_protocol::socket& socket,
                                 const peer_roles& others) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return {};
  principal who{.from = principal::origin::unix_socket,
                .uid = peer.uid,
                .gid = peer.gid,
                .pid = peer.pid,
                .role = api_role::admin};
  if (peer.uid == ::geteuid() || peer.uid == 0) return who;
  auto groups = groups_of_peer(socket.native_handle());
  groups.push_back(peer.gid);
  who.role = others.role_of(peer.uid, groups);
  return who;
}

/// Nothing for one who has gone already.
std::optional<principal> peer_of(asio::ip::tcp::socket& socket, const peer_roles&) {
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
      over_own_{.connections_max = config.connections_max},
      over_shared_{.connections_max =
                       std::min<std::size_t>(config.connections_max, descriptor_limit() / 4)},
      tcp_(l.context(), over_tcp_),
      own_(l.context(), over_own_),
      shared_(l.context(), over_shared_),
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

template void gateway::accept(accepting_socket<asio::ip::tcp>&);
template void gateway::accept(accepting_socket<asio::local::stream_protocol>&);

/// Asio does not do it: without this the fork server and every service would hold the port open.
void gateway::close_on_exec(int fd) { ::fcntl(fd, F_SETFD, FD_CLOEXEC); }

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
  bool served = &l.share == &over_own_ && reserve_.lend(descriptors_per_request, kept_for_refusals);
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
  auto peer = peer_of(socket, access_.peers);
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
  auto may_no_more = [&](connection& c) {
    if (!c.streaming()) return false;
    bool withdrawn =
        !c.token().empty() && guard_.tokens && !guard_.tokens->is_valid(c.token(), unix_now);
    return withdrawn || c.certificate_over(unix_now);
  };
  for (auto& c : all)
    if (may_no_more(*c) || !guarded("a connection's deadline", [&] { c->check_deadline(now); }))
      c->close();
}

void gateway::drain(std::chrono::milliseconds patience, std::function<void()> done) {
  draining_ = true;
  tcp_.close();
  own_.close();
  shared_.close();
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

void gateway::tell_refused(const connection& c, const std::string& why) {
  if (auto silent = refused_certificate_.allow(clock::now()))
    log_.warn("the certificate of {} is refused: {} ({} more of late)",
              c.transport_.peer()->address, why, *silent);
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
