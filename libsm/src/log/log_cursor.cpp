#include "log/log_cursor.hpp"

#include <algorithm>

#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::size_t cursor_max = 4096;

}  // namespace

std::string cursor_text(std::span<const std::filesystem::path> files,
                        std::span<const log_position> positions) {
  std::string text;
  for (std::size_t i = 0; i < files.size() && i < positions.size(); ++i) {
    text += (i == 0 ? "" : ",") + files[i].filename().string() + "=" +
            std::to_string(positions[i].inode) + ":" + std::to_string(positions[i].offset);
    if (text.size() > cursor_max) return {};
  }
  return text;
}

result<log_cursor> parse_log_cursor(std::string_view text) {
  log_cursor cursor;
  while (!text.empty()) {
    auto part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    auto equals = part.rfind('='), colon = part.rfind(':');
    if (equals == part.npos || colon == part.npos || colon < equals)
      return fail(errc::bad_arguments, in_quotes(part) + " is no place in a log");
    auto inode = parse_integer<ino_t>(part.substr(equals + 1, colon - equals - 1));
    auto offset = parse_integer<std::uint64_t>(part.substr(colon + 1), 0, INT64_MAX);
    if (!inode || !offset)
      return fail(errc::bad_arguments, in_quotes(part) + " is no place in a log");
    cursor[std::string(part.substr(0, equals))] = {*inode, *offset};
  }
  return cursor;
}

}  // namespace sm
