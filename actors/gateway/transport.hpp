// What a connection reads from and writes to, and who is at its other end. Bytes travel as they
// are, or by TLS.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <sm/principal.hpp>
#include <span>
#include <string_view>

#include "link/loop.hpp"
#include "security/tls.hpp"

namespace sm {

class transport {
 public:
  using socket = asio::generic::stream_protocol::socket;

  /// `s` does not block.
  transport(socket s, principal peer)
      : socket_(std::move(s)), peer_(std::make_shared<const principal>(std::move(peer))) {}

  /// From here on by TLS. Before the first read.
  void secure(std::shared_ptr<const tls_server> server) {
    tls_ = std::make_unique<tls_stream>(std::move(server), socket_.native_handle());
  }
  bool is_secure() const noexcept { return tls_ != nullptr; }
  /// TLS was expected, and somebody speaks without: what he says is read as it is.
  bool misses_tls() const noexcept { return tls_ && tls_->is_plain(); }

  /// Whose certificate the peer has shown, once something was read.
  std::optional<tls_client> client() const { return ciphers() ? tls_->client() : std::nullopt; }

  std::string refused_certificate() const {
    return ciphers() ? tls_->refused_certificate() : std::string();
  }
  /// Whether `now`, which new connections use, asks for certificates of the same authorities.
  bool has_authorities_of(const tls_server* now) const {
    if (!tls_ || &tls_->server() == now) return true;
    return now && tls_->server().client_authorities() == now->client_authorities();
  }

  /// Shared with requests, which may outlive their connection.
  const std::shared_ptr<const principal>& peer() const noexcept { return peer_; }

  using moved = bytes_moved;
  moved read(std::span<char> to) {
    if (ciphers()) {
      auto got = tls_->read(to);
      if (!tls_->is_plain()) return got;
    }
    error_code ec;
    auto size = socket_.read_some(asio::buffer(to.data(), to.size()), ec);
    return told(size, ec, size == 0);
  }
  /// Whether something has arrived that was not read.
  bool has_input() const {
    error_code ignored;
    return (ciphers() && tls_->has_input()) || socket_.available(ignored) > 0;
  }
  moved write(std::string_view bytes) {
    if (ciphers()) return tls_->write(bytes);
    error_code ec;
    auto size = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), ec);
    return told(size, ec, false);
  }

  /// `done(failed)` from the loop.
  template <class F>
  void when_readable(F done) {
    // What is deciphered already is told of by no socket.
    if (ciphers() && tls_->has_input())
      return asio::post(socket_.get_executor(), [done = std::move(done)] { done(false); });
    bool output = ciphers() && tls_->read_waits_for_output();
    wait(output ? socket::wait_write : socket::wait_read, std::move(done));
  }
  template <class F>
  void when_writable(F done) {
    wait(socket::wait_write, std::move(done));
  }

  /// Nothing more is written; what the peer sends can still be read.
  void end_output() {
    error_code ignored;
    if (ciphers()) tls_->end_output();
    socket_.shutdown(socket::shutdown_send, ignored);
  }
  void close() {
    error_code ignored;
    socket_.close(ignored);
  }
  /// Closes so that the peer sees that what it got is not whole (over TCP: a reset).
  void abort() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    close();
  }

 private:
  static moved told(std::size_t size, error_code ec, bool ended) {
    if (ec == asio::error::would_block) return {.size = size, .blocked = true};
    return {.size = size, .ended = ended || ec};
  }
  template <class F>
  void wait(socket::wait_type what, F done) {
    socket_.async_wait(what, [done = std::move(done)](error_code ec) { done(bool(ec)); });
  }

  bool ciphers() const noexcept { return tls_ && !tls_->is_plain(); }

  socket socket_;
  std::unique_ptr<tls_stream> tls_;
  const std::shared_ptr<const principal> peer_;
};

}  // namespace sm
