// The store in Redis, in Resque's format: producers, workers and web pages of Resque and php-resque
// share it. What each key holds is in scripts.hpp.
#pragma once

#include <memory>

#include "queue/job_store.hpp"
#include "queue/redis/redis_url.hpp"

namespace sm {

/// Connects when it is needed first.
std::unique_ptr<job_store> make_redis_job_store(redis_url url, const queue_config& config);

}  // namespace sm
