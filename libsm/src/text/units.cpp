#include "text/units.hpp"

#include <array>
#include <charconv>
#include <limits>

#include "text/texts.hpp"

namespace sm {
namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array duration_units{unit{"", 1000},    unit{"ms", 1},        unit{"s", 1000},
                                    unit{"m", 60'000}, unit{"h", 3'600'000}, unit{"d", 86'400'000}};
constexpr std::array size_units{unit{"", 1},          unit{"B", 1},        unit{"K", 1 << 10},
                                unit{"KiB", 1 << 10}, unit{"M", 1 << 20},  unit{"MiB", 1 << 20},
                                unit{"G", 1 << 30},   unit{"GiB", 1 << 30}};

/// A number followed by one of `units`, in the smallest unit, at most `limit`.
template <std::size_t N>
std::optional<std::uint64_t> parse_scaled(std::string_view text, const std::array<unit, N>& units,
                                          std::uint64_t limit) {
  std::uint64_t number = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc{}) return std::nullopt;
  auto name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (auto& u : units)
    if (u.name == name) {
      if (number > limit / u.factor) return std::nullopt;
      return number * u.factor;
    }
  return std::nullopt;
}

}  // namespace

result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t hundred_years = 100ULL * 365 * 86'400'000;
  if (auto ms = parse_scaled(text, duration_units, hundred_years))
    return std::chrono::milliseconds(static_cast<std::int64_t>(*ms));
  return fail(
      errc::bad_arguments,
      in_quotes(text) + " is no duration of at most 100 years; write for example 500ms, 2s or 5m");
}

std::string format_duration(std::chrono::milliseconds value) {
  auto ms = value.count();
  if (ms % 1000 != 0 || ms == 0) return std::to_string(ms) + "ms";
  if (ms % 3'600'000 == 0) return std::to_string(ms / 3'600'000) + "h";
  if (ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
  return std::to_string(ms / 1000) + "s";
}

result<std::uint64_t> parse_size(std::string_view text) {
  if (auto bytes = parse_scaled(text, size_units, std::numeric_limits<std::int64_t>::max()))
    return *bytes;
  return fail(errc::bad_arguments,
              in_quotes(text) + " is no size below 8 EiB; write for example 4096, 64KiB or 16MiB");
}

}  // namespace sm
