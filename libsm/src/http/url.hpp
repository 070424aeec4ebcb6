// The parts of a request target (RFC 3986) that routing needs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sm {

/// Decodes %XX; nothing when the text has a broken one or decodes to a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// The first value of `name` in "a=1&b=2"; an empty text for a name without a value.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

}  // namespace sm
