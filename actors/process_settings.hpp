// What a service process needs of the manager's configuration; sent in its welcome.
#pragma once

#include <sm/config.hpp>
#include <sm/json.hpp>

namespace sm {

struct process_settings {
  std::string log_file;
  std::string log_level;
  std::string queue_url;
  std::uint64_t payload_max = 0;
  std::int64_t lease_ms = 0;
  std::int64_t enqueue_timeout_ms = 0;
  std::int64_t command_timeout_ms = 0;
  std::int64_t orphan_grace_ms = 0;
};

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(process_settings, log_file, log_level, queue_url, payload_max,
                                   lease_ms, enqueue_timeout_ms, command_timeout_ms,
                                   orphan_grace_ms)

}  // namespace sm
