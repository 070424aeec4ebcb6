#include "process/instance_name.hpp"

#include <charconv>
#include <sm/service_spec.hpp>

namespace sm {

std::optional<instance_name> parse_instance_name(std::string_view name) {
  auto colon = name.find(':');
  if (colon == name.npos) return {};
  instance_name parts{.service = std::string(name.substr(0, colon))};
  auto digits = name.substr(colon + 1);
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), parts.index);
  if (ec != std::errc{} || end != digits.data() + digits.size() || !valid_name(parts.service) ||
      parts.index >= 2 * max_instances)
    return {};
  return parts;
}

}  // namespace sm
