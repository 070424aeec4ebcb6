#include "link/link_listener.hpp"

#include <sys/stat.h>

#include <sm/guarded.hpp>

#include "system/system_error.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 2s;  // for a caller to say who it is
constexpr auto accept_pause = 100ms;
constexpr std::size_t callers_max = 2048;

}  // namespace

link_listener::link_listener(loop& l, logger log, judge j)
    : loop_(l),
      log_(std::move(log)),
      judge_(std::move(j)),
      acceptor_(l.context()),
      pause_(l.context()) {}

result<void> link_listener::listen(const std::filesystem::path& path) {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
  error_code ec;
  acceptor_.open({}, ec);
  auto mask = ::umask(0177);
  if (!ec) acceptor_.bind(path.string(), ec);
  ::umask(mask);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    close();
    return system_failure("cannot listen", path.string(), ec.value());
  }
  path_ = bound_path(path);
  accept();
  return {};
}

result<void> link_listener::restore() {
  if (path_.path().empty() || (acceptor_.is_open() && path_.leads_to_it())) return {};
  close();
  auto path = path_.path();
  auto bound = listen(path);
  if (bound) log_.warn("{} was removed, and is there again", path.string());
  return bound;
}

void link_listener::close() {
  error_code ignored;
  ++generation_;
  pause_.cancel();
  acceptor_.close(ignored);
}

void link_listener::accept() {
  acceptor_.async_accept(
      [this, of = generation_](error_code ec, asio::local::stream_protocol::socket socket) {
        if (!ec) (void)guarded("a caller on the link socket", [&] { receive(std::move(socket)); });
        if (of != generation_) return;  // of a socket that was closed meanwhile
        if (!ec) return accept();
        pause_.expires_after(accept_pause);  // out of descriptors, say: look again in a while
        pause_.async_wait([this, of](error_code stopped) {
          if (!stopped && of == generation_) accept();
        });
      });
}

void link_listener::receive(asio::local::stream_protocol::socket socket) {
  if (callers_ >= callers_max) return;
  auto c = std::make_shared<caller>(std::move(socket), loop_.context());
  c->deadline.expires_after(patience);
  c->deadline.async_wait([c](error_code late) {
    if (!late) c->socket.close(late);
  });
  hear(c);
  ++callers_;
}

void link_listener::hear(const std::shared_ptr<caller>& c) {
  c->socket.async_wait(asio::socket_base::wait_read, [this, c](error_code ec) {
    auto greeting = ec ? result<received_greeting>(fail(errc::unavailable, "hung up"))
                       : receive_greeting(c->socket.native_handle());
    if (!greeting && greeting.error().code == errc::cancelled) return hear(c);
    --callers_;
    c->deadline.cancel();
    if (greeting)
      answer(*c, *greeting);
    else
      log_.warn("a caller on the link socket: {}", to_string(greeting.error()));
  });
}

void link_listener::answer(caller& c, received_greeting& greeting) {
  int fd = c.socket.native_handle();
  auto who = peer_of(fd);
  if (!who || who->uid != ::geteuid()) {
    log_.warn("a caller of another user on the link socket is refused");
    (void)answer_greeting(fd, "you are another user");
    return;
  }
  auto decision = guarded(
      "a greeting on the link socket", [&] { return judge_(greeting, *who); }, errc::bad_request);
  if (!answer_greeting(fd, decision ? "" : decision.error().detail) || !decision) return;
  error_code ec;
  unique_fd link(c.socket.release(ec));
  if (!ec) (*decision)(std::move(link));
}

}  // namespace sm
