// What processes use, as listings show it: read by a thread, since /proc takes some 10 us a
// process, and at most once a second however many ask. Runs in the loop.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "link/loop.hpp"
#include "process/worker_thread.hpp"

namespace sm {

struct process_usage {
  double cpu_seconds = 0;  ///< user and system, since its start
  std::uint64_t memory_bytes = 0;
  std::string executable{};  ///< see executable_link_of
};

class usage_board {
 public:
  usage_board(loop& l, worker_thread& reader) : loop_(l), reader_(reader), patience_(l.context()) {}

  /// Calls `then`, at once or later, when what is known of `pids` is at most a second old. A thread
  /// that has no time for it is waited for half a second.
  void refresh(std::vector<pid_t> pids, std::function<void()> then);
  /// What was read within the last second; of a process that has come since, what it uses now.
  /// Null when it cannot be read. Good until the next question.
  const process_usage* of(pid_t pid);

 private:
  using readings = std::unordered_map<pid_t, process_usage>;

  bool is_fresh() const;
  void answer();

  loop& loop_;
  worker_thread& reader_;
  readings known_;
  std::optional<process_usage> latest_;  // of one that is not among them
  std::chrono::steady_clock::time_point read_at_{};
  std::vector<std::function<void()>> waiting_;
  bool reading_ = false;
  asio::steady_timer patience_;
};

}  // namespace sm
