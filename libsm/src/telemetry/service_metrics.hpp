// Services as collectors see them: what they are now, and what has been counted of them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "service/lifecycle.hpp"
#include "telemetry/open_metrics.hpp"

namespace sm {

/// What has been counted of a service's instances since this manager started. Only ever grows.
struct service_tally {
  std::uint64_t restarts = 0;  ///< by policy
  std::uint64_t hangs = 0;     ///< ended for want of a sign of life
  std::uint64_t starts = 0;    ///< those that became ready
  double start_seconds = 0;    ///< of these, from STARTING to ready
  std::map<int, std::uint64_t> exits_by_code{}, exits_by_signal{};
  std::uint64_t vanished = 0;  ///< nobody could say how they ended

  void count_exit(const exit_status& how);
  void count_start(std::chrono::nanoseconds took) {
    ++starts;
    start_seconds += std::chrono::duration<double>(took).count();
  }
};

struct service_figures {
  struct process {
    std::string instance;  ///< "web:0"
    double cpu_seconds = 0;
    std::uint64_t memory_bytes = 0;
  };
  std::string name;
  instance_state state = instance_state::stopped;
  unsigned desired = 0, running = 0, ready = 0;
  double uptime_seconds = 0;
  std::vector<process> processes{};
  service_tally counted{};
};

/// The families sm_service_*, sm_watchdog_misses; nothing for no services.
void write_service_metrics(metric_page& page, std::span<const service_figures> services);

}  // namespace sm
