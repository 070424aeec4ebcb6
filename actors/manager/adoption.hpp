// Decides about the processes of an earlier manager that come by the link socket: its fork servers,
// and the instances that were journaled. Runs in the loop alone.
#pragma once

#include <functional>
#include <sm/error.hpp>
#include <string>

#include "manager/fork_client.hpp"
#include "manager/process_table.hpp"
#include "manager/reaper.hpp"
#include "manager/socket_table.hpp"
#include "process/rendezvous.hpp"

namespace sm {

class adoption {
 public:
  /// `token` is what the fork servers of this state folder show.
  adoption(const process_table& known, process_maker& forks, reaper& end, socket_table& sockets,
           std::string token)
      : known_(known), forks_(forks), end_(end), sockets_(sockets), token_(std::move(token)) {}

  /// What takes the link of a process that is ours, or why it is not; its kernel-told pid is
  /// `who`'s.
  result<std::function<void(unique_fd)>> on_greeting(received_greeting& greeting, const peer& who);

 private:
  result<std::function<void(unique_fd)>> on_fork_server(received_greeting& greeting);

  const process_table& known_;
  process_maker& forks_;
  reaper& end_;
  socket_table& sockets_;
  const std::string token_;
};

}  // namespace sm
