// GET /metrics, for Prometheus: OpenMetrics' text form.
#pragma once

#include "api/management_api.hpp"
#include "api/route_adder.hpp"

namespace sm {

void add_metrics_route(route_adder& at, const management_parts& parts);

}  // namespace sm
