// The queue's figures for Prometheus: names and units of its conventions, in OpenMetrics' text
// form.
#pragma once

#include <string>
#include <vector>

#include "queue/job_store.hpp"

namespace sm {

/// The families sm_queue_* and sm_jobs_*, without the closing "# EOF".
std::string queue_metrics(const std::vector<queue_counts>& queues, const queue_totals& totals);

}  // namespace sm
