// GET /metrics, for Prometheus: OpenMetrics' text form.
#pragma once

#include "queue_view.hpp"
#include "route_adder.hpp"
#include "telemetry/job_tallies.hpp"

namespace sm {

/// `jobs` and `tallies` outlive the route.
void add_metrics_route(route_adder& at, queue_view& jobs, const tally_board& tallies);

}  // namespace sm
