#include "http/client/http_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstring>

#include "http/problem.hpp"
#include "process/deadline.hpp"
#include "process/tcp_connect.hpp"
#include "system/system_error.hpp"

namespace sm {
namespace {

namespace http = boost::beast::http;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::uint64_t reply_max = 256 << 20;  // bytes of a whole reply
constexpr std::uint32_t head_max = 64 << 10;
constexpr std::chrono::milliseconds idle_tick = 200ms;

/// True once `events` or a hang-up are there; false when the deadline has come.
bool await(int fd, short events, clock::time_point deadline) {
  pollfd watched{fd, events, 0};
  for (;;) {
    int n = ::poll(&watched, 1, left_ms(deadline));
    if (n > 0) return true;
    if (n == 0 || errno != EINTR) return false;
  }
}

/// Reads a response from a socket, piece by piece.
class response_reader {
 public:
  explicit response_reader(int fd, bool whole) : fd_(fd) {
    parser_.header_limit(head_max);
    if (whole)
      parser_.body_limit(reply_max);
    else
      parser_.body_limit(boost::none);
    parser_.eager(true);
  }

  enum class outcome { more, ended, nothing_came };

  /// Waits until `deadline` for bytes, and takes them.
  result<outcome> step(clock::time_point deadline) {
    if (!await(fd_, POLLIN, deadline)) return outcome::nothing_came;
    std::array<char, 64 << 10> chunk;
    auto n = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return outcome::more;
    if (n < 0) return system_failure("the connection broke");
    boost::system::error_code ec;
    if (n == 0) {
      if (!parser_.got_some()) return fail(errc::unavailable, "the manager hung up");
      parser_.put_eof(ec);
      if (ec) return fail(errc::unavailable, "the manager hung up within its answer");
      return outcome::ended;
    }
    pending_.append(chunk.data(), static_cast<std::size_t>(n));
    while (!pending_.empty() && !parser_.is_done()) {
      auto used = parser_.put(boost::asio::buffer(pending_), ec);
      pending_.erase(0, used);
      if (ec == http::error::need_more) break;
      if (ec == http::error::body_limit)
        return fail(errc::payload_too_large, "the answer is larger than 256 MiB");
      if (ec) return fail(errc::bad_request, "what answers is no manager: " + ec.message());
      if (used == 0) break;
    }
    return parser_.is_done() ? outcome::ended : outcome::more;
  }

  bool has_head() const { return parser_.is_header_done(); }
  bool keeps_alive() const { return parser_.is_done() && parser_.keep_alive(); }
  /// What of the body has come since the last call.
  std::string take() { return std::exchange(parser_.get().body(), {}); }
  client_reply reply() {
    auto& head = parser_.get();
    return {head.result_int(), std::string(head[http::field::content_type]), take()};
  }
  unsigned status() const { return parser_.get().result_int(); }

 private:
  int fd_;
  http::response_parser<http::string_body> parser_;
  std::string pending_;
};

}  // namespace

error error_in(const client_reply& reply) {
  if (auto told = error_of_problem(reply.body)) return std::move(*told);
  return {errc::bad_request,
          "what answers there is no manager: status " + std::to_string(reply.status),
          {}};
}

result<void> http_client::connect(time_point deadline) {
  if (socket_) {
    // What the peer closed meanwhile is readable, and so is what answers nothing of ours.
    if (!await(socket_.get(), POLLIN, clock::now())) return {};
    socket_.reset();
  }
  result<unique_fd> made = [&]() -> result<unique_fd> {
    if (!server_.is_local()) return connect_tcp(server_.host, server_.port, deadline);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    auto path = server_.socket.string();
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
    return connect_socket(reinterpret_cast<const sockaddr*>(&address), sizeof address, path,
                          deadline);
  }();
  if (!made) {
    bool barred =
        server_.is_local() && ::access(server_.socket.c_str(), W_OK) != 0 && errno == EACCES;
    return fail(barred ? errc::forbidden : errc::unavailable,
                "no manager can be reached: " + made.error().detail, server_.text());
  }
  socket_ = std::move(*made);
  return {};
}

result<void> http_client::send(const client_request& rq, time_point deadline) {
  if (auto ok = connect(deadline); !ok) return ok;
  std::string text = rq.method + " " + rq.target + " HTTP/1.1\r\nHost: ";
  text += server_.is_local() ? "localhost" : server_.text().substr(7);
  text += "\r\nAccept: application/json, */*\r\n";
  if (!server_.is_local() && !token_.empty()) text += "Authorization: Bearer " + token_ + "\r\n";
  for (auto& [name, value] : rq.headers) text += name + ": " + value + "\r\n";
  if (!rq.body.empty())
    text += "Content-Type: " + rq.content_type +
            "\r\nContent-Length: " + std::to_string(rq.body.size()) + "\r\n";
  else if (rq.method != "GET")
    text += "Content-Length: 0\r\n";
  text += "\r\n" + rq.body;
  for (std::string_view rest = text; !rest.empty();) {
    auto n = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n > 0) {
      rest.remove_prefix(static_cast<std::size_t>(n));
      continue;
    }
    if (errno == EINTR) continue;
    // Who refuses a request before its end has answered, and may have hung up.
    if (errno == EPIPE || errno == ECONNRESET) return {};
    if (errno != EAGAIN) return system_failure("cannot send", server_.text());
    if (!await(socket_.get(), POLLOUT, deadline))
      return fail(errc::timeout, "the manager does not take the request", server_.text());
    // An answer that comes before all was sent is a refusal.
    if (await(socket_.get(), POLLIN, clock::now())) return {};
  }
  return {};
}

result<client_reply> http_client::ask(const client_request& rq, time_point deadline) {
  if (auto ok = send(rq, deadline); !ok) {
    socket_.reset();
    return tl::unexpected<error>(ok.error());
  }
  response_reader reader(socket_.get(), true);
  for (;;) {
    auto step = reader.step(deadline);
    if (!step) {
      socket_.reset();
      return fail(step.error().code, step.error().detail, server_.text());
    }
    if (*step == response_reader::outcome::nothing_came) {
      socket_.reset();
      return fail(errc::timeout, "the manager does not answer in time", server_.text());
    }
    if (*step == response_reader::outcome::ended) break;
  }
  if (!reader.keeps_alive()) socket_.reset();
  return reader.reply();
}

result<void> http_client::follow(const client_request& rq, time_point deadline,
                                 std::chrono::milliseconds silence,
                                 const std::function<bool(std::string_view)>& part) {
  socket_.reset();
  if (auto ok = send(rq, deadline); !ok) return ok;
  auto connection = std::move(socket_);
  response_reader reader(connection.get(), false);
  auto last = clock::now();
  for (;;) {
    auto step = reader.step(std::min(clock::now() + idle_tick, last + silence));
    if (!step) return fail(step.error().code, step.error().detail, server_.text());
    bool ended = *step == response_reader::outcome::ended;
    if (*step == response_reader::outcome::nothing_came) {
      if (!reader.has_head() && clock::now() >= deadline)
        return fail(errc::timeout, "the manager does not answer in time", server_.text());
      if (clock::now() >= last + silence)
        return fail(errc::unavailable, "the manager is silent", server_.text());
      if (!part("")) return {};
      continue;
    }
    last = clock::now();
    if (!reader.has_head()) continue;
    if (reader.status() < 200 || reader.status() >= 300) {
      if (ended) return tl::unexpected<error>(error_in(reader.reply()));
      continue;
    }
    if (auto text = reader.take(); !text.empty() && !part(text)) return {};
    if (ended) return {};
  }
}

}  // namespace sm
