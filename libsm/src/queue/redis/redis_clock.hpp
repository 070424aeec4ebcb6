// What the queue's clock does in Redis: delayed jobs, recurring ones, and dropping what is old.
#pragma once

#include <string>
#include <vector>

#include "queue/job_store.hpp"
#include "queue/redis/redis_client.hpp"
#include "queue/redis/redis_job_lists.hpp"

namespace sm {

/// See the functions of the same names in job_store.hpp.
class redis_clock {
 public:
  redis_clock(redis_client& client, redis_job_lists& lists, const queue_config& config)
      : client_(client), lists_(lists), config_(config) {}

  result<std::int64_t> move_due();
  result<std::vector<stored_schedule>> schedules();
  result<void> put_schedule(const stored_schedule& s, bool keep_last);
  result<bool> remove_schedule(const std::string& name);
  result<firing> fire(const std::string& name, std::int64_t last_ms, std::int64_t now,
                      const new_job* job);
  result<void> tidy();

 private:
  std::string key(std::string_view name) const { return client_.url().prefix + std::string(name); }
  /// Moves what resque-scheduler or php-resque-scheduler delayed, unless a Ruby scheduler is at
  /// work: then it is its business. The time of the next one, or 0.
  result<std::int64_t> move_plugin_jobs();
  /// Counts of jobs that a foreign worker performed, or a foreign tool removed.
  result<void> forget_old_attempts();

  redis_client& client_;
  redis_job_lists& lists_;
  const queue_config& config_;
};

}  // namespace sm
