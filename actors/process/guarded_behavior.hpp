// Errors of sm on their way through CAF, and behaviors whose handlers may throw.
#pragma once

#include <optional>
#include <sm/caf.hpp>
#include <sm/error.hpp>

namespace sm {

/// Keeps code, detail and place.
caf::error to_caf(const error& e);
/// What `to_caf` made, or nothing when it is another error.
std::optional<error> error_of(const caf::error& e);

}  // namespace sm
