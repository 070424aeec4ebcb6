// What somebody may do with the manager.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sm {

/// Each may what those before may.
enum class api_role : std::uint8_t {
  viewer,   ///< looks
  operate,  ///< "operator": starts, stops, commands, and the jobs of the queue
  admin     ///< decides what runs
};
std::string_view to_string(api_role role) noexcept;
std::optional<api_role> parse_role(std::string_view text) noexcept;

}  // namespace sm
