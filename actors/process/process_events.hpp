// What a service process's main thread waits for while its actor works: signals, the end, and the
// manager's disappearance. It looks for the next manager by itself, so that not even a handler that
// blocks keeps its process from being adopted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <vector>

#include "process/fork_server.hpp"

namespace sm {

/// Another one of the same file, above the standard streams.
unique_fd second_descriptor(int fd);

inline constexpr int exit_no_manager = 69;  // sysexits.h EX_UNAVAILABLE

/// What the process tells the next manager of itself; written by the actor's thread.
struct process_phase {
  std::atomic<bool> welcomed{false};
  std::atomic<bool> stopping{false};
  std::atomic<std::int64_t> ready_since_ns{0};  ///< 0: not ready yet
  std::atomic<std::int64_t> orphan_grace_ms{0};
  std::atomic<std::int64_t> stop_timeout_ms{10'000};
  std::atomic<std::uint64_t> log_max_size{16 << 20};
  std::atomic<unsigned> log_keep{4};
};

class process_events {
 public:
  /// Called in the main thread.
  struct handlers {
    std::function<void()> on_stop;               ///< end in time
    std::function<void()> on_manager_lost;       ///< nobody is at the other end any more
    std::function<void(unique_fd)> on_new_link;  ///< the next manager is there
  };

  /// Takes over SIGTERM and SIGINT. The link is watched only.
  process_events(const fresh_process& fresh, std::filesystem::path state_folder);

  /// Calls `f` in the main thread for these signals; a SIGTERM or SIGINT goes on as well.
  void take(const std::vector<int>& numbers, std::function<void(int)> f);

  /// Ends the wait; from any thread. The first code counts.
  void end(int code);

  /// Blocks until `end`; returns its code.
  int wait(const handlers& to);

  process_phase phase;

 private:
  using clock = std::chrono::steady_clock;

  void wake();
  static void catch_signal(int number);
  void hand_over_signals();
  void stop(const handlers& to);
  void look_for_manager(const handlers& to);
  void check_output();
  int patience() const;

  const fork_request identity_;
  std::vector<int> sockets_;  // shown to the next manager
  const std::filesystem::path folder_;
  static inline process_events* instance_ = nullptr;
  unique_fd wake_;
  unique_fd link_;  // a second descriptor of the link; closed while there is none
  std::atomic<int> signals_{0};
  std::atomic<std::uint64_t> caught_{0}, taken_{0};  // bits by number
  std::mutex taker_mutex_;
  std::function<void(int)> taker_;
  std::atomic<int> code_{-1};
  clock::time_point lost_at_{}, dial_at_{};
  unsigned attempts_ = 0;
  clock::time_point kill_at_ = clock::time_point::max();
  clock::time_point check_output_at_{};
  std::uint64_t output_size_ = 0;
  std::chrono::milliseconds output_pause_{1000};
};

}  // namespace sm
