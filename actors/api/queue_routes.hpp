// The routes of the queue, by what they are about.
#pragma once

#include <functional>
#include <vector>

#include "api/route_adder.hpp"
#include "queue/queue_view.hpp"

namespace sm {

/// /v1/queues. `jobs` and `searches` outlive the routes, here and below; `searches` is for what
/// takes long.
void add_queue_routes(route_adder& at, queue_view& jobs, queue_view& searches);
/// /v1/jobs, and /v1/queues/:queue/jobs.
void add_job_routes(route_adder& at, queue_view& jobs, const std::function<bool()>& has_clock);
/// /v1/failed.
void add_failed_routes(route_adder& at, queue_view& jobs);
/// /v1/schedules.
void add_schedule_routes(route_adder& at, queue_view& jobs, const std::function<bool()>& has_clock);

// -- what they share

/// Throws `failure` where nobody would move what waits for its time.
void need_clock(const std::function<bool()>& has_clock);

struct page {
  std::size_t offset = 0, limit = 0;
};
/// ?offset=&limit= of a list; throws `failure`.
page page_of(const request& rq);
/// {NAME: [...], "next": the offset of the next page, or null}.
json page_document(const char* name, const job_page& found, const page& p);
/// The queue of the path; throws `failure` for what can be none.
std::string queue_of(const request& rq);

}  // namespace sm
