// The logs of services over HTTP: the last lines, and what is added from then on. Files are read in
// a thread of their own; one inotify watch tells when there is more. Runs in the loop.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <sm/http.hpp>

#include "link/loop.hpp"
#include "log/log_cursor.hpp"
#include "process/worker_thread.hpp"

namespace sm {

/// What somebody wants to see.
struct log_query {
  std::vector<std::filesystem::path> files;  ///< one of each instance
  std::size_t lines = 100;
  std::string stream{};  ///< "stdout" or "stderr" of a program; "" for all
  std::string since{};   ///< an ISO time; lines before it are left out
  bool as_json = false;  ///< the lines as they are, not as people read them
  /// Where an earlier reader had come to; it begins there.
  std::optional<log_cursor> from{};
};

class log_follower;

class log_service {
 public:
  log_service(loop& l, std::filesystem::path folder);
  ~log_service();

  /// The last lines as a text.
  promise<response> tail(log_query query);
  /// The last lines, and each new one, as server-sent events; the last one of those that come
  /// together has the cursor behind them as its id.
  promise<response> follow(log_query query);
  /// The folder was made again: followers go on in the new one.
  void on_folder_made();

 private:
  friend class log_follower;

  void watch();
  void on_change();

  loop& loop_;
  const std::filesystem::path folder_;
  worker_thread reader_{1024};
  asio::posix::stream_descriptor changes_;
  std::list<std::weak_ptr<log_follower>> followers_;
  bool watching_ = false;
};

}  // namespace sm
