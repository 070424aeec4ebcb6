// Signals by the names people type: "TERM", "SIGTERM", "15".
#pragma once

#include <sm/error.hpp>
#include <string>
#include <string_view>

namespace sm {

/// The signal's number, or `bad_arguments`.
result<int> parse_signal(std::string_view text);

/// "SIGTERM" for 15.
std::string signal_name(int number);

}  // namespace sm
