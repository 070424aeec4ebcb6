// What the queue's clock does in Redis: delayed jobs, recurring ones, and dropping what is old.
#pragma once

#include <string>
#include <vector>

#include "queue/job_store.hpp"
#include "queue/redis/redis_client.hpp"
#include "queue/redis/redis_dead_jobs.hpp"
#include "queue/redis/redis_job_lists.hpp"

namespace sm {

/// See the functions of the same names in job_store.hpp.
/// Keys that a scheduler of others holds while it is at work: resque-scheduler's, with its prefix
/// if it has one, and node-resque's. `prefix` is that of Resque's keys.
std::vector<std::string> scheduler_locks(const std::string& prefix, const std::string& lock_prefix);

class redis_clock {
 public:
  redis_clock(redis_client& client, redis_job_lists& lists, redis_dead_jobs& dead,
              const queue_config& config);

  result<std::int64_t> move_due();
  result<std::vector<stored_schedule>> schedules();
  result<void> put_schedule(const stored_schedule& s, bool keep_last);
  result<bool> remove_schedule(const std::string& name);
  result<firing> fire(const std::string& name, std::int64_t last_ms, std::int64_t now,
                      const new_job* job);
  result<void> tidy();
  /// Counts up in Redis: a number that was there before tells of older data.
  result<bool> lost_data();

 private:
  std::string key(std::string_view name) const { return client_.url().prefix + std::string(name); }
  /// Moves what resque-scheduler, php-resque-scheduler or node-resque delayed, unless a scheduler
  /// of theirs holds its lock: then it is its business. The time of the next one, or 0.
  result<std::int64_t> move_plugin_jobs();
  /// Counts of jobs that a foreign worker performed, or a foreign tool removed.
  result<void> forget_old_attempts();

  redis_client& client_;
  redis_job_lists& lists_;
  redis_dead_jobs& dead_;
  const queue_config& config_;
  const std::vector<std::string> scheduler_locks_;
  std::int64_t epoch_ = 0;  // 0: not known yet
};

}  // namespace sm
