// The names of instances: "web:0", "web:1", ...
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sm {

struct instance_name {
  std::string service;
  unsigned index = 0;
};

/// The parts of a name, or nothing when it is none: of a file, say, that somebody else wrote. While
/// a rollout replaces instances there are some beyond the number that is wanted.
std::optional<instance_name> parse_instance_name(std::string_view name);

}  // namespace sm
