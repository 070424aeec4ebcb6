// The manager's side of the fork server: keeps one running, asks it for processes, reports them.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <map>
#include <sm/log.hpp>
#include <string>
#include <vector>

#include "loop.hpp"
#include "process/fork_server.hpp"

namespace sm {

/// The variable that tells a program's second execution that it is the fork server.
inline constexpr const char* fork_server_variable = "SM_FORK_SERVER_FD";

class fork_client {
 public:
  using on_forked = std::function<void(result<pid_t>)>;

  /// `argv` is the program's own: its second execution registers what the first one did.
  fork_client(loop& l, logger log, std::vector<std::string> argv);

  /// Starts a process that inherits `link`; `done` is called from the loop.
  void fork(const std::string& title, const std::string& output, unique_fd link, on_forked done);

  /// True while it is not known which process a request made: an unknown child may be it.
  bool busy() const noexcept { return !waiting_.empty(); }

  /// The fork server is a child too: true when `pid` was it.
  bool on_child_ended(pid_t pid);

  /// Lets it end.
  void close();

 private:
  result<void> start();
  void read_replies();
  void lost();

  loop& loop_;
  logger log_;
  std::vector<std::string> argv_;
  asio::posix::stream_descriptor channel_;
  pid_t pid_ = -1;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, on_forked> waiting_;
};

}  // namespace sm
