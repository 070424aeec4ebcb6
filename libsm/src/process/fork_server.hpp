// Starts service processes quickly, and is their parent. The manager executes its own binary once
// more as the fork server: it has run main() up to server::run(), has every library loaded and
// relocated, and has one thread. For each request it forks, which costs a tenth of executing the
// program again.
//
// It outlives its manager as long as it has children: an instance that ends stays a zombie, so that
// its pid is nobody else's and its exit status can be read, until a manager that was told of it
// says so. It is the subreaper of all instances: whatever an ended one leaves behind becomes its
// child, and is killed; it tells the manager when nothing of it is left, and makes no new process
// of the instance before.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <sm/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "process/cgroup.hpp"
#include "system/unique_fd.hpp"

namespace sm {

/// What to start. The incarnation comes back in the reply.
struct fork_request {
  std::string instance;           ///< "web:0"
  std::uint64_t incarnation = 0;  ///< this run of it and no other
  std::string token;              ///< proves to the next manager that it is this run
  bool grouped = false;           ///< it gets a control group
  cgroup_limits limits{};

  /// The name of its control group: each run has its own.
  std::string run() const { return instance + "." + std::to_string(incarnation); }
};

struct fork_reply {
  std::uint64_t incarnation = 0;
  pid_t pid = -1;  ///< -1: see reason
  std::string reason{};
  /// There is no answer yet: what an earlier run of the instance left behind is being ended.
  bool delayed = false;
};

/// What became of those that were to be forgotten, each in one of the lists.
struct forget_reply {
  std::vector<pid_t> gone{};     ///< collected, and nothing that it started is left
  std::vector<pid_t> unknown{};  ///< no child of this fork server
  /// What does not end by SIGKILL, in a wait for a broken disk, say; it is not waited for further.
  std::vector<pid_t> left{};
};

using fork_message = std::variant<fork_reply, forget_reply>;

// -- the manager's side; a channel that is gone fails with `unavailable`

/// Sends a request with the descriptors the new process inherits: its link, listening sockets.
result<void> send_fork_request(int channel, const fork_request& rq, int link_fd,
                               const std::vector<int>& sockets = {});
/// Lets go of children: the ended ones are collected, others killed, with all that they started.
/// Each of them is in a `forget_reply` as soon as that is done.
result<void> send_forget(int channel, const std::vector<pid_t>& pids);
/// Reads one message; fails with `cancelled` when there is nothing to read now, with `bad_request`
/// when it is none.
result<fork_message> receive_fork_message(int channel);

// -- the fork server's side

/// A fresh process, before any of its service's code runs.
struct fresh_process {
  fork_request identity;
  unique_fd link;
  std::vector<unique_fd> sockets{};  ///< that its service listens on
  /// Why it does not hold the instance's lock, as it has to; "" when it does: no other process of
  /// it runs.
  std::string not_locked{};
};

struct fork_server_settings {
  int channel = -1;  ///< the descriptor of its end
  std::string state_folder{};
  std::int64_t orphan_grace_ms = 0;  ///< how long the ended are kept for the next manager
  std::string cgroups{};             ///< the folder of control groups; "" for none
  std::string token{};               ///< proves to the next manager that it is of this state folder
  rlim_t descriptors = RLIM_INFINITY;  ///< the soft limit that programs get
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(fork_server_settings, channel, state_folder, orphan_grace_ms,
                                   cgroups, token, descriptors)

/// Serves until the manager closes the channel, then, as long as there are children, until the next
/// manager takes it over by the link socket of the state folder. In each new process calls `child`,
/// which ends the process. Called in the main thread.
void serve_forks(const fork_server_settings& settings,
                 const std::function<void(fresh_process)>& child);

/// A pair of connected sockets for requests (message boundaries kept), close-on-exec.
result<std::pair<unique_fd, unique_fd>> make_fork_channel();

/// A pair of connected stream sockets for a link, close-on-exec.
result<std::pair<unique_fd, unique_fd>> make_link_pair();

}  // namespace sm
