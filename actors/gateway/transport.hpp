// What a connection reads from and writes to, and who is at its other end. Bytes travel as they
// are.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <memory>
#include <sm/principal.hpp>
#include <span>
#include <string_view>

#include "link/loop.hpp"

namespace sm {

class transport {
 public:
  using socket = asio::generic::stream_protocol::socket;

  /// `s` does not block.
  transport(socket s, principal peer)
      : socket_(std::move(s)), peer_(std::make_shared<const principal>(std::move(peer))) {}

  /// Shared with requests, which may outlive their connection.
  const std::shared_ptr<const principal>& peer() const noexcept { return peer_; }

  struct moved {
    std::size_t size = 0;
    bool blocked = false;  ///< nothing for now: wait until it is ready
    bool ended = false;    ///< by the peer, or it failed
  };
  moved read(std::span<char> to) {
    error_code ec;
    auto size = socket_.read_some(asio::buffer(to.data(), to.size()), ec);
    return told(size, ec, size == 0);
  }
  /// Whether something has arrived that was not read.
  bool has_input() const {
    error_code ignored;
    return socket_.available(ignored) > 0;
  }
  moved write(std::string_view bytes) {
    error_code ec;
    auto size = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), ec);
    return told(size, ec, false);
  }

  /// `done(failed)` from the loop.
  template <class F>
  void when_readable(F done) {
    wait(socket::wait_read, std::move(done));
  }
  template <class F>
  void when_writable(F done) {
    wait(socket::wait_write, std::move(done));
  }

  /// Nothing more is written; what the peer sends can still be read.
  void end_output() {
    error_code ignored;
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

  socket socket_;
  const std::shared_ptr<const principal> peer_;
};

}  // namespace sm
