#include "system/signal_names.hpp"

#include <string.h>

#include <csignal>

#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {

result<int> parse_signal(std::string_view text) {
  if (auto number = parse_integer<int>(text, 1, SIGRTMAX); number && sigabbrev_np(*number))
    return *number;
  auto name = text;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  for (int candidate = 1; candidate < SIGRTMIN; ++candidate)
    if (const char* abbreviation = sigabbrev_np(candidate); abbreviation && name == abbreviation)
      return candidate;
  return fail(errc::bad_arguments, in_quotes(text) + " is no signal; write for example TERM");
}

std::string signal_name(int number) {
  if (const char* abbreviation = sigabbrev_np(number)) return std::string("SIG") + abbreviation;
  return "signal " + std::to_string(number);
}

}  // namespace sm
