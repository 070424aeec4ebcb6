#include "table.hpp"

#include <fmt/format.h>
#include <wchar.h>

#include <algorithm>
#include <clocale>
#include <sm/json.hpp>

namespace sm::ctl {
namespace {

constexpr std::size_t gap = 2;
constexpr std::size_t least_last = 8;  // a last column narrower than this says nothing
constexpr std::string_view ellipsis = "…";

struct character {
  char32_t code = 0;
  std::size_t size = 0;  ///< 0 for what is no UTF-8
};

character first_of(std::string_view text) {
  auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || text.size() < size || !is_utf8(text.substr(0, size))) return {};
  char32_t code = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i)
    code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  return {code, size};
}

std::size_t width_of(char32_t code) {
  if (code < 0x80) return 1;
  static const bool ready = std::setlocale(LC_CTYPE, "C.UTF-8") != nullptr;
  if (!ready) return 1;
  auto width = ::wcwidth(static_cast<wchar_t>(code));
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

/// C0, DEL and C1; and what turns the direction of the text around.
bool is_obeyed(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

/// Nearly all that is shown: a character of a byte and a column each, none of them obeyed.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::size_t sum_of(const std::vector<std::size_t>& widths, const std::vector<std::size_t>& shown) {
  std::size_t sum = shown.empty() ? 0 : gap * (shown.size() - 1);
  for (auto i : shown) sum += widths[i];
  return sum;
}

/// The columns that fit, with the last one shrunk where that is enough.
std::vector<std::size_t> choose(const table& t, std::vector<std::size_t>& widths,
                                std::size_t width) {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < t.columns.size(); ++i) shown.push_back(i);
  if (width == 0) return shown;
  while (sum_of(widths, shown) > width) {
    auto last = shown.back();
    auto others = sum_of(widths, shown) - widths[last];
    bool shrinks = last + 1 == t.columns.size() && !t.columns[last].right;
    auto least = std::max(least_last, t.columns[last].title.size());
    if (shrinks && shown.size() > 1 && others + least <= width) {
      widths[last] = width - others;
      break;
    }
    auto goes = std::max_element(shown.begin(), shown.end(), [&](auto a, auto b) {
      return t.columns[a].rank <= t.columns[b].rank;
    });
    if (t.columns[*goes].rank == 0) break;
    shown.erase(goes);
  }
  // What has to stay is cut where even that is too much, the first column last.
  for (auto i = shown.rbegin(); i != shown.rend() && sum_of(widths, shown) > width; ++i) {
    auto over = sum_of(widths, shown) - width;
    widths[*i] -= std::min(over, widths[*i] - 1);
  }
  return shown;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  if (is_plain(text)) return text.size();
  std::size_t width = 0;
  while (!text.empty()) {
    auto c = first_of(text);
    width += c.size == 0 ? 1 : width_of(c.code);
    text.remove_prefix(std::max<std::size_t>(c.size, 1));
  }
  return width;
}

std::string harmless(std::string_view text, bool keep_tabs) {
  if (is_plain(text)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    auto c = first_of(text);
    if (c.size > 0 && (!is_obeyed(c.code) || (c.code == '\t' && keep_tabs)))
      out += text.substr(0, c.size);
    else if (c.size == 1 && c.code == '\n')
      out += "\\n";
    else if (c.size == 1 && c.code == '\t')
      out += ' ';
    else
      for (char byte : text.substr(0, std::max<std::size_t>(c.size, 1)))
        out += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    text.remove_prefix(std::max<std::size_t>(c.size, 1));
  }
  return out;
}

std::string fitted(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    auto c = first_of(text);
    auto own = c.size == 0 ? 1 : width_of(c.code);
    if (used + own > width - 1) break;
    used += own;
    out += text.substr(0, std::max<std::size_t>(c.size, 1));
    text.remove_prefix(std::max<std::size_t>(c.size, 1));
  }
  return out + std::string(ellipsis);
}

std::string toned(std::string_view text, tone in, bool colour) {
  if (!colour || in == tone::plain || text.empty()) return std::string(text);
  const char* code = in == tone::good      ? "32"
                     : in == tone::bad     ? "31"
                     : in == tone::warning ? "33"
                     : in == tone::dim     ? "2"
                                           : "1";
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

std::string print(const table& t, std::size_t width, bool colour) {
  std::vector<std::size_t> widths;
  for (auto& c : t.columns) widths.push_back(display_width(c.title));
  auto rows = t.rows;
  for (auto& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i].text = harmless(row[i].text);
      widths[i] = std::max(widths[i], display_width(row[i].text));
    }
  auto shown = choose(t, widths, width);
  std::string out;
  auto put_line = [&](auto cell_at) {
    std::string line;
    std::size_t open = 0;  // blanks that are owed
    for (auto i : shown) {
      auto& c = t.columns[i];
      cell each = cell_at(i);
      auto text = fitted(each.text, widths[i]);
      auto rest = widths[i] - display_width(text);
      if (c.right) open += rest;
      if (!text.empty()) line += std::string(std::exchange(open, 0), ' ');
      line += toned(text, each.in, colour);
      open += (c.right ? 0 : rest) + gap;
    }
    out += line + "\n";
  };
  put_line([&](std::size_t i) { return cell{t.columns[i].title, tone::bold}; });
  for (auto& row : rows) put_line([&](std::size_t i) { return i < row.size() ? row[i] : cell{}; });
  return out;
}

}  // namespace sm::ctl
