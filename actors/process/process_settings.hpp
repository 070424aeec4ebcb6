// What a service process needs of the manager's configuration; sent in its welcome.
#pragma once

#include <sm/config.hpp>
#include <sm/json.hpp>

#include "queue/queue_settings.hpp"

namespace sm {

struct process_settings {
  std::string log_file;
  std::string log_level;
  queue_config queue;
  std::int64_t command_timeout_ms = 0;
  std::int64_t orphan_grace_ms = 0;
  double trace_sample = 0;    ///< share of the traces that begin in the process
  bool trace_export = false;  ///< somebody takes its spans
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(process_settings, log_file, log_level, queue, command_timeout_ms,
                                   orphan_grace_ms, trace_sample, trace_export)

}  // namespace sm
