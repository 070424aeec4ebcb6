// The link socket: where processes of an earlier manager, and its fork server, come to this one.
// Only peers of our own user are heard, for a bounded time. Runs in the loop alone.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <filesystem>
#include <functional>
#include <list>
#include <sm/log.hpp>

#include "link/loop.hpp"
#include "process/bound_path.hpp"
#include "process/rendezvous.hpp"

namespace sm {

class link_listener {
 public:
  /// What to do with the connection once its peer has heard that it is taken.
  using accepted = std::function<void(unique_fd link)>;
  /// Decides about a greeting; the error's detail is what the peer is told.
  using judge = std::function<result<accepted>(received_greeting& greeting, const peer& who)>;

  link_listener(loop& l, logger log, judge j);

  /// Binds the socket, mode 0600.
  result<void> listen(const std::filesystem::path& path);
  /// Binds it again when somebody removed it.
  result<void> restore();

 private:
  struct caller {
    caller(asio::local::stream_protocol::socket s, asio::io_context& context)
        : socket(std::move(s)), deadline(context) {}
    asio::local::stream_protocol::socket socket;
    asio::steady_timer deadline;
  };

  void accept();
  void close();
  void receive(asio::local::stream_protocol::socket socket);
  void hear(const std::shared_ptr<caller>& c);
  void answer(caller& c, received_greeting& greeting);

  loop& loop_;
  logger log_;
  judge judge_;
  asio::local::stream_protocol::acceptor acceptor_;
  bound_path path_;
  asio::steady_timer pause_;
  std::size_t callers_ = 0;
  unsigned generation_ = 0;  ///< of the socket: what was asked of an earlier one is over
};

}  // namespace sm
