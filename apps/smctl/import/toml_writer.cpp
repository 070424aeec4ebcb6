// Specifications as sections of TOML.
#include <fmt/format.h>

#include <algorithm>

#include "import/foreign.hpp"

namespace sm::ctl {
namespace {

/// Where a text may be the name of a file, as configuration.md has it.
enum class place { text, variable_value };

/// Marks before a brace are doubled, and "file:" is what it is only behind "text:".
std::string in_configuration(std::string_view text, place where) {
  std::string out;
  if (where == place::variable_value && (text.starts_with("file:") || text.starts_with("text:")))
    out = "text:";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '$') {
      auto behind = std::min(text.find_first_not_of('$', i), text.size());
      bool brace = behind < text.size() && (text[behind] == '{' || text[behind] == variable_begin);
      out.append((behind - i) * (brace ? 2 : 1), '$');
      i = behind - 1;
    } else if (text[i] == variable_begin) {
      out += "${";
    } else if (text[i] == variable_end) {
      out += '}';
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
  return out + "\"";
}

std::string key_of(const std::string& key) {
  bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
  return bare ? key : toml_string(key);
}

std::string value_of(const json& value, place where) {
  if (value.is_string())
    return toml_string(in_configuration(value.get_ref<const std::string&>(), where));
  std::string out;
  if (value.is_array()) {
    for (auto& element : value) out += (out.empty() ? "" : ", ") + value_of(element, place::text);
    return "[" + out + "]";
  }
  if (value.is_object()) {
    for (auto& [key, field] : value.items())
      out += (out.empty() ? " " : ", ") + key_of(key) + " = " + value_of(field, where);
    return "{" + out + " }";
  }
  return print_json(value);
}

constexpr std::size_t line_max = 100;

/// Of many variables each has a line of its own, in a table behind the other fields.
bool needs_table(const std::string& key, const json& value) {
  return key == "env" && value_of(value, place::variable_value).size() > line_max;
}

}  // namespace

std::string services_in_toml(const std::vector<json>& services) {
  // What a reader looks for first comes first.
  constexpr std::string_view first[] = {"command",    "instances", "autostart", "directory", "user",
                                        "user_group", "env",       "env_file",  "group"};
  std::string out;
  for (auto& spec : services) {
    auto section = "service." + key_of(spec.value("name", ""));
    out += out.empty() ? "" : "\n";
    if (auto about = spec.find("about"); about != spec.end()) {
      auto text = in_configuration(about->get<std::string>(), place::text);
      // A comment has no control characters.
      std::replace_if(
          text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
      out += "# " + text + "\n";
    }
    out += "[" + section + "]\n";
    std::string table;
    auto add = [&](const std::string& key) {
      auto& value = spec[key];
      auto where = key == "env" ? place::variable_value : place::text;
      if (!needs_table(key, value)) {
        out += key_of(key) + " = " + value_of(value, where) + "\n";
        return;
      }
      table += "[" + section + "." + key_of(key) + "]\n";
      for (auto& [name, field] : value.items())
        table += key_of(name) + " = " + value_of(field, where) + "\n";
    };
    for (auto key : first)
      if (spec.contains(key)) add(std::string(key));
    for (auto& [key, value] : spec.items())
      if (key != "name" && key != "about" &&
          std::find(std::begin(first), std::end(first), key) == std::end(first))
        add(key);
    out += table;
  }
  return out;
}

}  // namespace sm::ctl
