// Comparing secrets.
#pragma once

#include <string_view>

namespace sm {

/// Compares in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace sm
