// Starts service processes quickly. The manager executes its own binary once more as the fork
// server: it has run main() up to server::run(), has every library loaded and relocated, and has
// one thread. For each request it forks, which costs a tenth of executing the program again. The
// new process is the manager's child: the fork server forks twice and the manager is the nearest
// child subreaper.
#pragma once

#include <sys/types.h>

#include <functional>
#include <sm/error.hpp>
#include <string>

#include "process/unique_fd.hpp"

namespace sm {

/// What to start. `id` comes back in the reply.
struct fork_request {
  std::uint64_t id = 0;
  std::string title;   ///< what ps shows
  std::string output;  ///< file that takes stdout and stderr
};

struct fork_reply {
  std::uint64_t id = 0;
  pid_t pid = -1;  ///< -1: see reason
  std::string reason{};
};

/// The manager's side: sends a request with the descriptor the new process inherits as its link.
result<void> send_fork_request(int server_fd, const fork_request& rq, int link_fd);
/// Reads one reply; fails with `unavailable` when the fork server is gone, `cancelled` when there
/// is nothing to read now.
result<fork_reply> receive_fork_reply(int server_fd);

/// The fork server's side: serves until the manager closes `server_fd`, then returns. In each new
/// process calls `child`, in a session of its own; it ends the process.
void serve_forks(unique_fd server_fd,
                 const std::function<void(const fork_request&, unique_fd link)>& child);

/// A pair of connected sockets for requests (message boundaries kept), close-on-exec.
result<std::pair<unique_fd, unique_fd>> make_fork_channel();

/// A pair of connected stream sockets for a link, close-on-exec.
result<std::pair<unique_fd, unique_fd>> make_link_pair();

}  // namespace sm
