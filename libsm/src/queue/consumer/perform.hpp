// Performs one job and says how its delivery ends. Runs in the thread, or the process, of the job.
#pragma once

#include <functional>
#include <sm/log.hpp>

#include "queue/consumer_store.hpp"
#include "queue/payload.hpp"

namespace sm {

/// Why a job is asked to end before it is done.
enum class cancel_reason { none, by_request, timeout, killed, lease_lost, must_go };

struct performance {
  job_outcome outcome{};
  std::string type{};
};

/// Calls hooks and job, in the trace of the thread. What is no job, of an unknown type, or has
/// arguments that do not fit is dead at once: another try would end alike. `asked` says why a job
/// that threw had been asked to end, if it was. `chance` (0 to 1) places the pause within the
/// jitter.
performance perform(const job_registry& jobs, const delivery& d, const logger& log,
                    detail::job_host* host, const std::function<cancel_reason()>& asked,
                    double chance);

/// How a delivery ends that did not end by itself: it was asked to, or its process died.
job_outcome ended_from_outside(const job_registry& jobs, const delivery& d, cancel_reason why,
                               double chance);

}  // namespace sm
