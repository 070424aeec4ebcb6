// How the gateway comes to its listening sockets: bound, inherited, bound again.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>

#include "gateway/gateway.hpp"
#include "http/access_rules.hpp"
#include "http/listen_endpoint.hpp"
#include "process/identity.hpp"

namespace sm {
namespace {

/// The names that one manager gives its sockets for the next one.
constexpr const char* own_tcp = "sm-http";
constexpr const char* own_unix = "sm-unix";

/// Where a Unix socket is bound; "" of another one.
std::string path_of(const inherited_socket& s) {
  sockaddr_un end{};
  socklen_t size = sizeof end;
  if (::getsockname(s.fd.get(), reinterpret_cast<sockaddr*>(&end), &size) != 0) return {};
  return end.sun_family == AF_UNIX ? end.sun_path : "";
}

}  // namespace

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
std::optional<inherited_socket> gateway::take_unix(const std::string& path) {
  auto found = std::find_if(inherited_.begin(), inherited_.end(),
                            [&](auto& s) { return path_of(s) == path; });
  if (found == inherited_.end()) return {};
  auto taken = std::move(*found);
  inherited_.erase(found);
  struct stat there {};
  if (::stat(path.c_str(), &there) != 0 || !S_ISSOCK(there.st_mode)) return {};
  return taken;
}

/// One that an earlier manager bound at a path that is another one by now. The path goes with it,
/// or the next one would find somebody who listens there.
bool gateway::is_unwanted(const inherited_socket& s) const {
  if (s.name != own_unix) return false;
  auto path = path_of(s);
  if (path == config_.socket) return false;
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return true;
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
    auto& other = others_.emplace_back(loop_.context(), over_shared_);
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
  for (auto* s : {&own_, &shared_})
    if (s->acceptor.is_open()) copy(s->acceptor.native_handle(), s->ours ? own_unix : "");
  for (auto& other : others_) copy(other.acceptor.native_handle(), "");
  return all;
}

/// Makes room for a socket at `path`, if what is there is what somebody who is gone left.
result<void> gateway::clear_place(const std::filesystem::path& path) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) return {};
  if (!S_ISSOCK(there.st_mode))
    return fail(errc::unavailable, "cannot listen: what is there is no socket", path.string());
  error_code ec;
  asio::local::stream_protocol::socket probe(loop_.context());
  probe.open(asio::local::stream_protocol(), ec);
  if (!ec) probe.non_blocking(true, ec);
  if (!ec) probe.connect(path.string(), ec);
  // Whose backlog is full is there, too.
  if (!ec || ec == asio::error::would_block || ec == asio::error::try_again)
    return fail(errc::unavailable, "cannot listen: somebody else does", path.string());
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  return {};
}

result<void> gateway::bind_local(local_socket& s, const std::filesystem::path& path, mode_t mode) {
  error_code ec;
  if (auto given = take_unix(path.string())) {
    s.ours = given->name == own_unix;
    s.acceptor.assign(asio::local::stream_protocol(), given->fd.release(), ec);
  } else {
    s.ours = true;
    if (path.string().size() >= sizeof(sockaddr_un::sun_path))
      return fail(errc::unavailable, "the path is too long for a socket (107 bytes)",
                  path.string());
    if (auto ok = clear_place(path); !ok) return ok;
    const asio::local::stream_protocol::endpoint where(path.string());
    auto mask = ::umask(~mode & 0777);
    s.acceptor.open(where.protocol(), ec);
    if (!ec) s.acceptor.bind(where, ec);
    ::umask(mask);
    if (!ec) s.acceptor.listen(asio::socket_base::max_listen_connections, ec);
  }
  if (ec) {
    s.close();  // nobody shall take it for one that listens
    return fail(errc::unavailable, "cannot listen: " + ec.message(), path.string());
  }
  close_on_exec(s.acceptor.native_handle());
  s.path = bound_path(path);
  s.mode = mode;
  s.acceptor.non_blocking(true);
  accept(s);
  return {};
}

result<void> gateway::listen_local(const std::filesystem::path& own) {
  if (auto ok = bind_local(own_, own, 0600); !ok) return ok;
  // Whoever may connect is told what he may do there: who it is decides.
  std::erase_if(inherited_, [&](auto& s) { return is_unwanted(s); });
  if (!config_.socket.empty())
    if (auto ok = bind_local(shared_, config_.socket, 0666); !ok) return ok;
  accept_others();
  return {};
}

result<void> gateway::restore_local() {
  result<void> all;
  for (auto* s : {&own_, &shared_}) {
    if (s->path.path().empty() || draining_) continue;
    if (s->acceptor.is_open() && s->path.leads_to_it()) continue;
    s->close();
    auto path = s->path.path();
    if (auto bound = bind_local(*s, path, s->mode); !bound)
      all = bound;
    else
      log_.warn("{} was removed, and is there again", path.string());
  }
  return all;
}

result<void> gateway::read_access() {
  auto rules = read_access_rules(config_, system_accounts());
  if (!rules) return tl::unexpected<error>(rules.error());
  access_ = std::move(*rules);
  for (auto& who : access_.peers.unknown())
    log_.warn("http.socket_roles: there is no {}, who has no role therefore", who);
  return {};
}

}  // namespace sm
