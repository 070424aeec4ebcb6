// GET /metrics, for Prometheus: OpenMetrics' text form.
#pragma once

#include "api/route_adder.hpp"
#include "queue/job_tallies.hpp"
#include "queue/queue_view.hpp"

namespace sm {

/// `jobs` and `tallies` outlive the route.
void add_metrics_route(route_adder& at, queue_view& jobs, const tally_board& tallies);

}  // namespace sm
