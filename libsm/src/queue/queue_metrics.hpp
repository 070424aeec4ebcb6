// What the queue's store tells, for Prometheus: names and units of its conventions, in OpenMetrics'
// text form. What consumers did is in job_tallies.hpp.
#pragma once

#include <string>
#include <vector>

#include "queue/job_store.hpp"

namespace sm {

/// The families sm_queue_*, without the closing "# EOF".
std::string queue_metrics(const std::vector<queue_counts>& queues, const queue_totals& totals);

std::string queue_up_metric(bool up);

}  // namespace sm
