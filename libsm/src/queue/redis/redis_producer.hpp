// Puts jobs into Redis: all of a batch, or none, and once, however often its answer is lost.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "queue/job_store.hpp"
#include "queue/redis/redis_client.hpp"

namespace sm {

class redis_producer {
 public:
  redis_producer(redis_client& client, unsigned replicas);

  /// See `job_store::enqueue`.
  result<std::vector<duplicate>> enqueue(std::span<const new_job> jobs,
                                         std::chrono::milliseconds patience);
  bool in_doubt() const noexcept { return in_doubt_; }

 private:
  /// One script call, tried again until `deadline`.
  result<std::vector<duplicate>> enqueue_batch(std::span<const new_job> jobs,
                                               redis_client::clock::time_point deadline);

  result<void> replicated(redis_client::clock::time_point deadline);

  redis_client& client_;
  const unsigned replicas_;     // that must have a job before it is answered for
  const std::string producer_;  // by which the script knows its batches
  std::uint64_t batch_ = 0;
  bool in_doubt_ = false;  // whether the last batch was stored
  std::string jobs_in_doubt_;
};

}  // namespace sm
