// Looks after the state folder while the manager runs: folders and sockets that somebody removed
// are made again, what belonged to a removed service goes. Runs in the loop; what waits for the
// disk is done in its thread.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <set>
#include <sm/log.hpp>
#include <string>

#include "link/loop.hpp"
#include "process/worker_thread.hpp"
#include "store/state_folder.hpp"

namespace sm {

class folder_keeper {
 public:
  folder_keeper(loop& l, logger log, const state_folder& folder, worker_thread& disk,
                std::chrono::milliseconds keep_removed);

  /// `restore` is called when something in the folder was removed, or `elsewhere`, a socket in
  /// another folder, if that is not empty; it makes sockets again that are not there. False when it
  /// could not: it is called again after a while.
  void watch(std::function<bool()> restore, const std::filesystem::path& elsewhere = {});

  /// What services that are not `known` have left. Waits for the disk: before the loop runs.
  void drop_unknown(const std::set<std::string>& known);

  /// The service is gone with all its processes: sets its logs aside and removes its locks. `done`
  /// is called afterwards, before which no service of that name may start.
  void on_removed(const std::string& service, const std::function<void()>& done);

 private:
  void on_change();
  void await_change();
  void restore();
  void restore_later();
  bool gone_ = false;  ///< the folder itself: what is at its path now is not ours
  void drop_old_logs();

  loop& loop_;
  const logger log_;
  const state_folder& folder_;
  worker_thread& disk_;
  const std::chrono::milliseconds keep_removed_;
  std::function<bool()> restore_;
  int own_watch_ = -1;     ///< of inotify, on the folder
  std::string elsewhere_;  ///< the name of the socket in another folder
  asio::posix::stream_descriptor changes_;
  asio::steady_timer timer_, again_;
  std::chrono::milliseconds pause_;  ///< before what could not be restored is tried again
};

}  // namespace sm
