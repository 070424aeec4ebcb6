#include "import/foreign.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "text/texts.hpp"

namespace sm::ctl {
namespace {

constexpr std::size_t name_max = 64;

/// Of a shell, which all else that stands in a line is for.
constexpr std::string_view shell_only = "|&;<>()$`*?[]{}~#!\n";
constexpr std::string_view several_commands = "|&;(){}\n`";
constexpr std::array builtins{"cd",  "export", "source", ".",    "set", "if",
                              "for", "while",  "eval",   "test", "[",   "exec",
                              ":",   "ulimit", "umask",  "unset"};

bool is_assignment(std::string_view word) {
  auto equals = word.find('=');
  return equals != word.npos && equals > 0 &&
         std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

}  // namespace

std::string variable(std::string_view name) {
  return variable_begin + std::string(name) + variable_end;
}

std::string with_stand_ins(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto begin = std::min(text.find(variable_begin), text.size());
    out += text.substr(0, begin);
    text.remove_prefix(begin);
    if (text.empty()) break;
    auto end = std::min(text.find(variable_end), text.size() - 1);
    auto otherwise = text.substr(0, end).find(":-");
    out += otherwise == text.npos ? "/x" : text.substr(otherwise + 2, end - otherwise - 2);
    text.remove_prefix(end + 1);
  }
  return out;
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_true(std::string_view text) {
  return is_one_of(lower(std::string(text)), {"1", "yes", "y", "true", "t", "on"});
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\v\f";
  auto first = text.find_first_not_of(blanks);
  if (first == text.npos) return text.substr(0, 0);
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> parts_of(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto end = std::min(text.find_first_of(separators), text.size());
    if (auto part = trimmed(text.substr(0, end)); !part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string as_name(std::string_view text) {
  std::string name;
  for (char raw : text.substr(0, name_max)) {
    auto c = static_cast<unsigned char>(raw);
    bool fits = (c < 0x80 && std::isalnum(c) != 0) || c == '_' || c == '-' || c == '.';
    if (fits)
      name += raw;
    else if (!name.ends_with('-'))
      name += '-';
  }
  if (!name.empty() && text.back() != '-' && name.back() == '-') name.pop_back();
  name.erase(0, name.find_first_not_of("-_."));
  return name.empty() ? "unnamed" : name;
}

result<std::vector<std::string>> shell_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool within = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool escapes = c == '\\' && quote != '\'';
    if (escapes && i + 1 == text.size())
      return fail(errc::bad_arguments, "a backslash protects nothing");
    if (escapes) {
      char next = text[++i];
      if (quote == '"' && next != '"' && next != '\\') word += c;
      word += next;
      within = true;
    } else if (quote != 0) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      within = true;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      if (within) words.push_back(std::move(word));
      word.clear();
      within = false;
    } else {
      word += c;
      within = true;
    }
  }
  if (quote != 0) return fail(errc::bad_arguments, "a quote is not closed");
  if (within) words.push_back(std::move(word));
  return words;
}

std::string shell_quoted(std::string_view word) {
  bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c >= 0x80 ||
           std::string_view("_@%+=:,./-").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return std::string(word);
  std::string out = "'";
  for (char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out + "'";
}

bool is_single_command(std::string_view line) {
  if (line.find_first_of(several_commands) != line.npos) return false;
  auto first = line.substr(0, line.find_first_of(" \t"));
  return !is_assignment(first) &&
         std::find(builtins.begin(), builtins.end(), first) == builtins.end();
}

json command_of_line(const std::string& line) {
  // What only a shell understands may stand in single quotes; then it is to the letter anyway.
  bool plain = line.find_first_of(shell_only) == line.npos && is_single_command(line);
  if (plain)
    if (auto words = shell_words(line); words && !words->empty()) return *words;
  return {"sh", "-c", (is_single_command(line) ? "exec " : "") + line};
}

}  // namespace sm::ctl
