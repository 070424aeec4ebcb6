// The manager's own process, by the names that Prometheus' client libraries use.
#pragma once

#include <sys/types.h>

#include "telemetry/open_metrics.hpp"

namespace sm {

/// The families process_* of a process of this pid namespace. Reads /proc.
void write_process_metrics(metric_page& page, pid_t pid);

}  // namespace sm
