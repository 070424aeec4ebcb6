// Resource limits by the names of ulimit and systemd: "nofile", "core", "stack", ...
#pragma once

#include <sys/resource.h>

#include <sm/error.hpp>
#include <string>

namespace sm {

struct rlimit_value {
  int resource = 0;
  rlim_t limit = 0;
};

/// `value` is a number, a size ("64MiB") or "unlimited".
result<rlimit_value> parse_rlimit(const std::string& name, const std::string& value);

}  // namespace sm
