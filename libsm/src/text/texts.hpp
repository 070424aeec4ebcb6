// Texts and names of others: what they may hold, how an error shows them, and what was meant.
#pragma once

#include <initializer_list>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// What one argument of a program can be (MAX_ARG_STRLEN of Linux, its NUL included).
inline constexpr std::size_t text_max = (128 << 10) - 1;

/// `text` in quotes, as a message shows it: what is no printable ASCII or UTF-8 is escaped, what is
/// long is cut.
std::string in_quotes(std::string_view text);

/// The beginning of `text`, and that there was more.
std::string shortened(std::string text, std::size_t most);

/// "/KEY" as a JSON pointer has it (RFC 6901): '~' and '/' within the key are escaped.
std::string pointer_to(std::string_view key);

/// Fails with `bad_arguments` for a text with a NUL, which the system would read to there only,
/// that is no UTF-8, or has more than `max` bytes.
result<void> check_text(std::string_view text, std::size_t max = text_max);

/// Fails with `bad_arguments` and the rule for what is no name of a service, group, tag, type or
/// schedule (`valid_name`).
result<void> check_name(std::string_view text);

/// Steps from one word to the other: a letter more, less or other, or two neighbours swapped
/// (Damerau and Levenshtein, each place touched once).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Which of `known` is near enough to `name` to be what was meant; "" when none is.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

/// For an error's end: "; did you mean 'wait'?", or else all that is known: "; there is a, b", or
/// "; there is none".
std::string instead_of(std::string_view name, std::span<const std::string_view> known);
inline std::string instead_of(std::string_view name,
                              std::initializer_list<std::string_view> known) {
  return instead_of(name, std::span(known.begin(), known.size()));
}

}  // namespace sm
