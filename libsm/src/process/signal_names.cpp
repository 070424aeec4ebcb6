#include "process/signal_names.hpp"

#include <string.h>

#include <charconv>
#include <csignal>

namespace sm {

result<int> parse_signal(std::string_view text) {
  int number = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec == std::errc{} && end == text.data() + text.size() && sigabbrev_np(number) != nullptr)
    return number;
  auto name = text;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int candidate = 1; candidate < SIGRTMIN; ++candidate)
    if (const char* abbreviation = sigabbrev_np(candidate); abbreviation && name == abbreviation)
      return candidate;
  return fail(errc::bad_arguments,
              "'" + std::string(text) + "' is no signal; write for example TERM");
}

std::string signal_name(int number) {
  if (const char* abbreviation = sigabbrev_np(number)) return std::string("SIG") + abbreviation;
  return "signal " + std::to_string(number);
}

}  // namespace sm
