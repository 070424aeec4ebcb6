// The manager's side of the fork servers: keeps one running, asks it for processes, and lets go of
// those that have ended. Fork servers of earlier managers, the parents of what was adopted, are
// kept until they end.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <list>
#include <map>
#include <sm/log.hpp>
#include <string>
#include <vector>

#include "loop.hpp"
#include "process/fork_server.hpp"

namespace sm {

/// Tells a program's second execution that it is the fork server: JSON of fork_server_settings.
inline constexpr const char* fork_server_variable = "SM_FORK_SERVER";

class fork_client {
 public:
  using on_forked = std::function<void(result<pid_t>)>;

  /// `argv` is the program's own: its second execution registers what the first one did.
  fork_client(loop& l, logger log, std::vector<std::string> argv, fork_server_settings settings);

  /// Starts a process that inherits `link` and `sockets`; `done` is called from the loop.
  void fork(const fork_request& rq, unique_fd link, const std::vector<int>& sockets,
            on_forked done);

  /// Whoever is its parent collects `pid`, or kills it first. True when we are.
  bool forget(pid_t pid);

  /// The fork server of an earlier manager came.
  void take_over(unique_fd channel);

  /// Our own one, 0 without one.
  pid_t pid() const noexcept { return pid_; }

  /// Lets all of them end.
  void close();

 private:
  struct server {
    explicit server(asio::io_context& context) : channel(context) {}
    asio::posix::stream_descriptor channel;
    std::vector<pid_t> to_forget;
  };
  using server_ref = std::list<server>::iterator;

  result<void> start();
  void read_replies(server_ref s);
  void lost(server_ref s);

  loop& loop_;
  logger log_;
  const std::vector<std::string> argv_;
  fork_server_settings settings_;
  std::list<server> servers_;
  server_ref own_ = servers_.end();
  pid_t pid_ = 0;
  struct request {
    on_forked done;
    std::chrono::steady_clock::time_point sent;
  };
  void watch_requests();

  std::map<std::uint64_t, request> waiting_;
  asio::steady_timer deadline_;
  bool watching_ = false;
};

}  // namespace sm
