// Linux capabilities by their names (capabilities(7)), as systemd's CapabilityBoundingSet= takes
// them.
#pragma once

#include <cstdint>
#include <sm/error.hpp>
#include <span>
#include <string>

namespace sm {

/// The bits of those that `names` leave. One after the other is added, or taken away when it begins
/// with "~"; it begins with none, or with all when the first is taken away. None for "none" alone;
/// all without a name. Fails with `invalid_spec` for a name that is none.
result<std::uint64_t> parse_capabilities(std::span<const std::string> names);

}  // namespace sm
