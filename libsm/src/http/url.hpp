// The parts of a request target (RFC 3986) that routing needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// Decodes %XX; nothing when the text has a broken one or decodes to a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// Every byte that RFC 3986 does not leave unreserved as %XX.
std::string percent_encode(std::string_view text);

/// The names in "a=1&b=2", decoded where they can be.
std::vector<std::string> query_names(std::string_view query);

/// The first value of `name` in "a=1&b=2"; an empty text for a name without a value.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace sm
