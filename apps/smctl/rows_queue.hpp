// The verbs of queues, jobs and schedules.
#pragma once

#include "rows.hpp"

namespace sm::ctl {

std::vector<verb_row> queue_verbs();

}  // namespace sm::ctl
