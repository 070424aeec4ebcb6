// The manager makes way for the next one, and its services go on, as they do when it is killed: it
// executes its file anew, with the same pid and the same listening sockets, or ends for another
// process to be started. Either adopts them.
#pragma once

#include "gateway/gateway.hpp"
#include "manager/supervision.hpp"
#include "process/service_manager.hpp"
#include "process/worker_thread.hpp"

namespace sm {

class daemon_reexec {
 public:
  /// `given_argv` is what the program was called with.
  daemon_reexec(supervision& s, gateway& http, const service_manager& above,
                const std::vector<std::string>& given_argv);

  /// Tries the file with --check; fails with `conflict` when it would not start, or when services
  /// do not wait for a manager (manager.orphan_grace). Else answers {"pid", "build"}, finishes the
  /// requests in flight, and ends the loop.
  promise<json> begin(const bool& shutting_down);

  /// Finishes the requests in flight, and ends the loop. Fails with `conflict` when services do not
  /// wait for a manager, or when it is ending already.
  result<void> leave(const bool& shutting_down);

  /// Whether it ends without its services.
  bool services_stay() const noexcept { return services_stay_; }
  /// Whether its file is to be executed.
  bool wanted() const noexcept { return wanted_; }
  /// After the loop's end, when everything is on the disk. Comes back with why it failed.
  error execute();

 private:
  result<void> can_make_way(bool shutting_down) const;
  void end_loop(const std::string& status);

  supervision& s_;
  gateway& gateway_;
  const service_manager& above_;
  const std::vector<std::string>& argv_;
  worker_thread checker_{4};
  std::vector<inherited_socket> sockets_;
  bool under_way_ = false, wanted_ = false, services_stay_ = false;
};

/// The fork servers that the run before this one left, as it named them; removed from the
/// environment.
std::vector<pid_t> take_earlier_fork_servers();

}  // namespace sm
