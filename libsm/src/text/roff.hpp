// Text for man(7).
#pragma once

#include <string>
#include <string_view>

namespace sm {

/// `text` as it is to be read: backslashes, hyphens that are to be typed, and a leading dot or
/// quote mean something to roff. Backquotes are left out.
std::string roff(std::string_view text);

/// A paragraph with `term` before it: ".TP".
std::string roff_item(std::string_view term, std::string_view text);

}  // namespace sm
