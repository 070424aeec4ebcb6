// The routes of the queue: /v1/queues, /v1/jobs, /v1/failed, /v1/schedules.
#pragma once

#include "queue_view.hpp"
#include "route_adder.hpp"

namespace sm {

/// `jobs` outlives the routes.
void add_queue_routes(route_adder& at, queue_view& jobs);

}  // namespace sm
