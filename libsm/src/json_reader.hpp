// Reads JSON in one pass, and makes documents only of what is wanted of it.
#pragma once

#include <sm/json.hpp>
#include <span>
#include <string_view>

namespace sm {

/// The members `names` of the object that `text` is, in this order; a discarded value for one that
/// it has not. What else it has is looked at as `parse_json` does, which fails alike, and is not
/// made. After a failure the values are of no use.
/// @return false when `text` is no object.
result<bool> read_members(std::string_view text, std::span<const std::string_view> names,
                          std::span<json> values);

}  // namespace sm
