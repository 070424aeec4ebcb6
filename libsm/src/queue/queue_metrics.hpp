// What the queue's store tells, for Prometheus: names and units of its conventions. What consumers
// did is in job_tallies.hpp.
#pragma once

#include <vector>

#include "queue/job_store.hpp"
#include "telemetry/open_metrics.hpp"

namespace sm {

/// The families sm_queue_*, but for sm_queue_up.
void write_queue_metrics(metric_page& page, const std::vector<queue_counts>& queues,
                         const queue_totals& totals);

void write_queue_up(metric_page& page, bool up);

}  // namespace sm
