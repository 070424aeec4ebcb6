// The service that makes delayed jobs ready when they are due and fires the schedules. Several of
// them, on several hosts, do no harm: each step is atomic in the store.
#pragma once

#include <atomic>
#include <sm/schedule.hpp>
#include <sm/service.hpp>
#include <thread>

#include "process/registry.hpp"
#include "queue/job_store.hpp"

namespace sm {

inline constexpr const char* clock_type = "sm.clock";
inline constexpr const char* clock_name = "queue.clock";

/// The clock's parameters: what the program declares.
json clock_params(const std::string& program, const std::vector<schedule_spec>& schedules,
                  const std::map<std::string, queue_limits>& limits);

class queue_clock : public service {
 public:
  queue_clock(service_context context, const builtin_setup& setup);
  ~queue_clock() override;

 private:
  void run();
  result<void> declare();
  result<std::int64_t> tick();
  result<std::int64_t> fire_schedules();

  const queue_config config_;
  std::unique_ptr<job_store> store_;
  std::unique_ptr<job_waiter> waiter_;
  bool declared_ = false;
  std::map<std::string, std::string>
      left_out_;  // schedules that cannot be read, and why: said once
  std::chrono::steady_clock::time_point tidy_at_{};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> fired_{0};
  std::thread thread_;
};

}  // namespace sm
