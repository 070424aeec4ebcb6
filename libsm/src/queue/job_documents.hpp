// Jobs, queues and schedules as /v1 shows them.
#pragma once

#include <sm/json.hpp>

#include "queue/job_store.hpp"

namespace sm {

json to_document(const job_view& job);
json to_document(const queue_counts& queue);
/// With the time it fires next.
json to_document(const stored_schedule& schedule, std::int64_t now_ms);

/// Adds to the document of a job what the status of a tracked one says beside the store.
void add_status(json& document, const std::string& status);

}  // namespace sm
