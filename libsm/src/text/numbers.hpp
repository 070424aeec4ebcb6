// Whole numbers from texts and documents of others, read to the letter: digits alone, all of the
// text, within bounds that the error names. A sign is read where the type has one, and only '-'.
#pragma once

#include <charconv>
#include <concepts>
#include <limits>
#include <sm/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace sm {

namespace detail {
/// "must be a whole number from 0 to 5, not 'x'".
error no_integer(const std::string& least, const std::string& most, std::string_view given);
}  // namespace detail

/// Reads `text`, all of it. Fails with `bad_arguments` and the bounds.
template <std::integral T>
result<T> parse_integer(std::string_view text, T least = std::numeric_limits<T>::min(),
                        T most = std::numeric_limits<T>::max(), int base = 10) {
  T value{};
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (ec == std::errc{} && end == text.data() + text.size() && value >= least && value <= most)
    return value;
  return tl::unexpected<error>(
      detail::no_integer(std::to_string(least), std::to_string(most), text));
}

/// The number that a JSON document holds: no text, no fraction, nothing rounded or cut. Fails with
/// `bad_arguments` and the bounds.
template <std::integral T>
result<T> read_integer(const json& value, T least = std::numeric_limits<T>::min(),
                       T most = std::numeric_limits<T>::max()) {
  auto fits = [&](auto number) {
    return std::cmp_greater_equal(number, least) && std::cmp_less_equal(number, most);
  };
  if (value.is_number_unsigned()) {
    if (auto number = value.get<std::uint64_t>(); fits(number)) return static_cast<T>(number);
  } else if (value.is_number_integer()) {
    if (auto number = value.get<std::int64_t>(); fits(number)) return static_cast<T>(number);
  }
  return tl::unexpected<error>(
      detail::no_integer(std::to_string(least), std::to_string(most), print_json(value)));
}

}  // namespace sm
