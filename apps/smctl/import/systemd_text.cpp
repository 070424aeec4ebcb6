#include "import/systemd_text.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "import/foreign.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

void append_utf8(std::string& out, std::uint32_t code) {
  auto byte = [&](std::uint32_t b) { out += static_cast<char>(b); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) return byte(0xc0U | (code >> 6U)), byte(0x80U | (code & 0x3fU));
  if (code < 0x10000) {
    byte(0xe0U | (code >> 12U));
    return byte(0x80U | ((code >> 6U) & 0x3fU)), byte(0x80U | (code & 0x3fU));
  }
  byte(0xf0U | (code >> 18U));
  byte(0x80U | ((code >> 12U) & 0x3fU));
  byte(0x80U | ((code >> 6U) & 0x3fU));
  byte(0x80U | (code & 0x3fU));
}

/// Takes what follows a backslash at `at`.
bool take_escape(std::string_view text, std::size_t& at, std::string& out) {
  constexpr std::string_view letters = "abfnrtv\\\"'s", meanings = "\a\b\f\n\r\t\v\\\"' ";
  if (at >= text.size()) return false;
  char c = text[at++];
  if (auto i = letters.find(c); i != letters.npos) return out += meanings[i], true;
  struct form {
    char letter;
    std::size_t digits;
    int base;
  };
  for (auto f : {form{'x', 2, 16}, form{'u', 4, 16}, form{'U', 8, 16}, form{0, 3, 8}}) {
    bool octal = f.letter == 0 && c >= '0' && c <= '7';
    if (c != f.letter && !octal) continue;
    if (octal) --at;
    auto code = parse_integer<std::uint32_t>(text.substr(at, f.digits), 1, 0x10ffff, f.base);
    if (!code || text.size() - at < f.digits) return false;
    at += f.digits;
    if (*code == variable_begin || *code == variable_end) return false;
    if (f.digits < 4)
      out += static_cast<char>(*code);
    else
      append_utf8(out, *code);
    return true;
  }
  return false;
}

/// The next word of `rest`, which is taken off it; nothing at the end.
result<std::optional<std::string>> take_word(std::string_view& rest) {
  std::size_t at = rest.find_first_not_of(" \t\n\r");
  if (at == rest.npos) {
    rest = {};
    return std::optional<std::string>();
  }
  std::string word;
  char quote = 0;
  for (; at < rest.size(); ++at) {
    char c = rest[at];
    if (c == '\\') {
      if (!take_escape(rest, ++at, word))
        return fail(errc::bad_arguments, "a backslash begins no escape there is");
      --at;
    } else if (quote != 0 && c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (quote == 0 && std::isspace(static_cast<unsigned char>(c)) != 0) {
      break;
    } else {
      word += c;
    }
  }
  if (quote != 0) return fail(errc::bad_arguments, "a quote is not closed");
  rest.remove_prefix(at);
  return std::optional(std::move(word));
}

/// "a-b" is the path "/a/b", and "\x2d" a hyphen, as systemd-escape has it.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') {
      out += '/';
    } else if (auto code = parse_integer<unsigned>(text.substr(std::min(i + 2, text.size()), 2), 1,
                                                   255, 16);
               text.substr(i, 2) == "\\x" && code) {
      out += static_cast<char>(*code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

struct specifier_row {
  char letter;
  std::string (*meaning)(const unit_names&);
};

/// systemd.unit(5), "Specifiers", of the system's manager; those of a user's where they differ
/// stand in the variable. The others are known at a start alone.
const specifier_row specifiers[] = {
    {'%', [](auto&) { return std::string("%"); }},
    {'n', [](auto& u) { return u.name + ".service"; }},
    {'N', [](auto& u) { return u.name; }},
    {'p', [](auto& u) { return u.prefix; }},
    {'P', [](auto& u) { return unescaped(u.prefix); }},
    {'i', [](auto& u) { return u.instance; }},
    {'I', [](auto& u) { return unescaped(u.instance); }},
    {'f', [](auto& u) { return "/" + unescaped(u.instance.empty() ? u.prefix : u.instance); }},
    {'j', [](auto& u) { return u.prefix.substr(u.prefix.rfind('-') + 1); }},
    {'J', [](auto& u) { return unescaped(u.prefix.substr(u.prefix.rfind('-') + 1)); }},
    {'y', [](auto& u) { return u.folder + "/" + u.name + ".service"; }},
    {'Y', [](auto& u) { return u.folder; }},
    {'h', [](auto&) { return variable("HOME"); }},
    {'u', [](auto&) { return variable("USER:-root"); }},
    {'t', [](auto&) { return variable("XDG_RUNTIME_DIR:-/run"); }},
    {'S', [](auto&) { return std::string("/var/lib"); }},
    {'C', [](auto&) { return std::string("/var/cache"); }},
    {'L', [](auto&) { return std::string("/var/log"); }},
    {'E', [](auto&) { return std::string("/etc"); }},
    {'T', [](auto&) { return std::string("/tmp"); }},
    {'V', [](auto&) { return std::string("/var/tmp"); }}};

struct span_row {
  std::string_view unit;
  double ms;
};
constexpr double second = 1000, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
constexpr span_row spans[] = {{"", second},
                              {"s", second},
                              {"sec", second},
                              {"second", second},
                              {"seconds", second},
                              {"us", 0.001},
                              {"usec", 0.001},
                              {"ms", 1},
                              {"msec", 1},
                              {"m", minute},
                              {"min", minute},
                              {"minute", minute},
                              {"minutes", minute},
                              {"h", hour},
                              {"hr", hour},
                              {"hour", hour},
                              {"hours", hour},
                              {"d", day},
                              {"day", day},
                              {"days", day},
                              {"w", 7 * day},
                              {"week", 7 * day},
                              {"weeks", 7 * day},
                              {"M", 30.44 * day},
                              {"month", 30.44 * day},
                              {"months", 30.44 * day},
                              {"y", 365.25 * day},
                              {"year", 365.25 * day},
                              {"years", 365.25 * day}};

}  // namespace

result<std::vector<std::string>> unit_words(std::string_view text) {
  std::vector<std::string> words;
  for (;;) {
    auto word = take_word(text);
    if (!word) return tl::unexpected<error>(word.error());
    if (!*word) return words;
    words.push_back(std::move(**word));
  }
}

result<std::string> with_specifiers(std::string_view text, const unit_names& names) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    char letter = text[++i];
    auto row = std::find_if(std::begin(specifiers), std::end(specifiers),
                            [&](auto& s) { return s.letter == letter; });
    bool unknown_letter = std::isalnum(static_cast<unsigned char>(letter)) == 0 && letter != '%';
    if (unknown_letter) {
      out += {'%', letter};
      continue;
    }
    if (row == std::end(specifiers))
      return fail(errc::bad_arguments, std::string{'%', letter} + " is known at a start alone");
    if ((letter == 'i' || letter == 'I') && names.instance.empty() && names.name.ends_with('@'))
      return fail(errc::bad_arguments,
                  std::string{'%', letter} +
                      " of a template: import it as NAME@INSTANCE.service, which is read "
                      "from NAME@.service");
    out += row->meaning(names);
  }
  return out;
}

result<std::chrono::milliseconds> unit_span(std::string_view text) {
  auto wrong = [&] { return fail(errc::bad_arguments, in_quotes(text) + " is no span of time"); };
  auto rest = trimmed(text);
  if (rest == "infinity") return std::chrono::hours(365 * 24);
  if (rest.empty()) return wrong();
  double sum = 0;
  while (!rest.empty()) {
    auto size = std::min(rest.find_first_not_of("0123456789."), rest.size());
    double number = 0;
    auto [end, ec] = std::from_chars(rest.data(), rest.data() + size, number);
    if (ec != std::errc{} || end != rest.data() + size) return wrong();
    rest = trimmed(rest.substr(size));
    auto unit = rest.substr(0, rest.find_first_of(" 0123456789"));
    rest = trimmed(rest.substr(unit.size()));
    auto row =
        std::find_if(std::begin(spans), std::end(spans), [&](auto& s) { return s.unit == unit; });
    if (row == std::end(spans)) return wrong();
    sum += number * row->ms;
  }
  if (sum > 100 * 365 * day) return wrong();
  return std::chrono::milliseconds(std::llround(std::ceil(sum)));
}

result<std::vector<exec_line>> exec_lines(std::string_view text, const unit_names& names) {
  std::vector<exec_line> lines;
  bool begins = true;
  while (!trimmed(text).empty()) {
    auto from = trimmed(text);
    bool separates = from == ";" || from.starts_with("; ") || from.starts_with(";\t");
    bool escaped = from.starts_with("\\;") && (from.size() == 2 || from[2] == ' ');
    if (separates || escaped) {
      text = from.substr(separates ? 1 : 2);
      if (escaped && !begins) lines.back().words.emplace_back(";");
      begins = begins || separates;
      continue;
    }
    if (begins) {
      auto size = std::min(from.find_first_not_of("@-:+!|"), from.size());
      lines.push_back({std::string(from.substr(0, size))});
      text = from.substr(size);
    }
    auto word = take_word(text);
    if (!word) return tl::unexpected<error>(word.error());
    if (!*word) break;
    auto filled = with_specifiers(**word, names);
    if (!filled) return tl::unexpected<error>(filled.error());
    lines.back().words.push_back(std::move(*filled));
    begins = false;
  }
  std::erase_if(lines, [](auto& line) { return line.words.empty(); });
  if (lines.empty()) return fail(errc::bad_arguments, "there is no command in it");
  return lines;
}

}  // namespace sm::ctl
