#include "text/texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sm/json.hpp>
#include <sm/service_spec.hpp>

namespace sm {
namespace {

constexpr std::size_t shown_max = 80;  // bytes of a text that an error shows
constexpr std::size_t word_max = 64;   // what is longer is nobody's misspelling

}  // namespace

std::string in_quotes(std::string_view text) {
  auto shown = text.substr(0, shown_max);
  // Not within a character.
  while (shown.size() < text.size() && !shown.empty() &&
         (static_cast<unsigned char>(text[shown.size()]) & 0xc0U) == 0x80U)
    shown.remove_suffix(1);
  bool utf8 = is_utf8(shown);
  std::string out = "'";
  for (char raw : shown) {
    auto c = static_cast<unsigned char>(raw);
    if (c < 0x20 || c == 0x7f || (c > 0x7f && !utf8))
      out += fmt::format("\\x{:02x}", c);
    else
      out += raw;
  }
  if (shown.size() < text.size()) out += "...";
  return out + "'";
}

std::string shortened(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  auto end = most;
  // Not within a character.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "... (shortened)";
}

std::string pointer_to(std::string_view key) {
  std::string out = "/";
  for (char c : key)
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  return out;
}

result<void> check_text(std::string_view text, std::size_t max) {
  if (text.size() > max)
    return fail(errc::bad_arguments, "must have at most " + std::to_string(max) + " bytes");
  if (text.find('\0') != text.npos)
    return fail(errc::bad_arguments, "has a NUL, which no text may have");
  if (!is_utf8(text)) return fail(errc::bad_arguments, "is no UTF-8");
  return {};
}

bool valid_name(std::string_view name) noexcept {
  auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || name.size() > 64 || !alphanumeric(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

result<void> check_name(std::string_view text) {
  if (valid_name(text)) return {};
  return fail(errc::bad_arguments,
              in_quotes(text) +
                  " is no name: use 1 to 64 letters, digits, '_', '-' or '.', beginning with a "
                  "letter or digit");
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // The rows of the table for the last two letters of `a`, and for this one.
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] =
          std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > word_max) return {};
  std::string_view best;
  // A third of the letters may be wrong, one in the shortest words.
  auto least = std::max<std::size_t>(name.size() / 3, 1) + 1;
  for (auto candidate : known)
    if (auto distance = edit_distance(name, candidate); distance < least) {
      least = distance;
      best = candidate;
    }
  return best;
}

std::string instead_of(std::string_view name, std::span<const std::string_view> known) {
  if (auto near = nearest(name, known); !near.empty())
    return "; did you mean '" + std::string(near) + "'?";
  std::string all;
  for (auto each : known) all += (all.empty() ? "" : ", ") + std::string(each);
  return "; there is " + (all.empty() ? "none" : all);
}

}  // namespace sm
