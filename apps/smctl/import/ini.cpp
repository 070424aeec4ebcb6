#include "import/ini.hpp"

#include <algorithm>

#include "import/foreign.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

/// Takes the next line off, without its end.
std::string_view take_line(std::string_view& rest) {
  auto line = rest.substr(0, rest.find('\n'));
  rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

tl::unexpected<error> no_entry(std::string_view line, const std::string& file, std::size_t number) {
  return fail(errc::bad_arguments, in_quotes(line) + " is neither [SECTION] nor KEY=VALUE",
              file + ":" + std::to_string(number));
}

ini_section& section_called(std::vector<ini_section>& all, std::string_view name,
                            std::size_t line) {
  auto there = std::find_if(all.begin(), all.end(), [&](auto& s) { return s.name == name; });
  return there == all.end() ? all.emplace_back(ini_section{std::string(name), line}) : *there;
}

/// Where a comment begins: at a ';' or '#' that is first, or behind a blank.
std::size_t comment_in(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if ((line[i] == ';' || line[i] == '#') && (i == 0 || is_space(line[i - 1]))) return i;
  return line.npos;
}

/// An odd number of backslashes at the end.
bool goes_on(std::string_view line) {
  auto last = line.find_last_not_of('\\');
  return (line.size() - (last == line.npos ? 0 : last + 1)) % 2 == 1;
}

}  // namespace

result<std::vector<ini_section>> read_python_ini(std::string_view text, const std::string& file) {
  std::vector<ini_section> all;
  ini_section* section = nullptr;
  ini_entry* entry = nullptr;
  std::size_t indented = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = take_line(text);
    auto comment = comment_in(line);
    auto value = trimmed(line.substr(0, comment));
    if (value.empty()) {
      if (comment == line.npos && entry) entry->value += '\n';
      continue;
    }
    auto indent = static_cast<std::size_t>(value.data() - line.data());
    if (entry && indent > indented) {
      entry->value += '\n' + std::string(value);
      continue;
    }
    indented = indent;
    if (auto end = value.rfind(']'); value.starts_with('[') && end != value.npos && end > 1) {
      section = &section_called(all, value.substr(1, end - 1), number);
      entry = nullptr;
      continue;
    }
    auto equals = value.find_first_of("=:");
    if (!section || equals == value.npos || equals == 0) return no_entry(value, file, number);
    std::string key(trimmed(value.substr(0, equals)));
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    // What is there already is said anew.
    std::erase_if(section->entries, [&](auto& e) { return e.key == key; });
    section->entries.push_back({key, std::string(trimmed(value.substr(equals + 1))), number});
    entry = &section->entries.back();
  }
  for (auto& s : all)
    for (auto& e : s.entries) e.value = trimmed(e.value);
  return all;
}

result<std::vector<ini_section>> read_unit_file(std::string_view text, const std::string& file) {
  std::vector<ini_section> all;
  std::string whole;
  std::size_t begun = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = take_line(text);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    if (line.starts_with('#') || line.starts_with(';')) {
      // Of the last line's end there is nothing more to come.
      if (!text.empty() || whole.empty()) continue;
      line = {};
    }
    if (whole.empty()) begun = number;
    whole += line;
    if (goes_on(whole) && !text.empty()) {
      whole.back() = ' ';
      continue;
    }
    auto value = trimmed(whole);
    if (value.starts_with('[') && value.ends_with(']')) {
      all.push_back({std::string(value.substr(1, value.size() - 2)), begun});
    } else if (auto equals = value.find('='); equals != value.npos && equals > 0 && !all.empty()) {
      all.back().entries.push_back({std::string(trimmed(value.substr(0, equals))),
                                    std::string(trimmed(value.substr(equals + 1))), begun});
    } else if (!value.empty()) {
      return no_entry(value, file, begun);
    }
    whole.clear();
  }
  return all;
}

}  // namespace sm::ctl
