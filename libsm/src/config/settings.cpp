// Settings by their keys, from texts.
#include <algorithm>
#include <sm/config.hpp>

#include "config/setting_rows.hpp"
#include "queue/redis/redis_url.hpp"
#include "text/ascii.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

std::string key_of(const field_row& section, const field_row& setting) {
  return std::string(section.name) + "." + std::string(setting.name);
}

/// Where a key leads to; no row for one that there is not.
struct place {
  const field_row* section = nullptr;
  const field_row* row = nullptr;

  void* in(config& c) const { return row->in(section->in(&c)); }
};

place find(std::string_view key) {
  auto dot = std::min(key.find('.'), key.size());
  for (auto& section : rows_of<config>())
    if (section.name == key.substr(0, dot))
      for (auto& row : section.rows())
        if (dot < key.size() && row.name == key.substr(dot + 1)) return {&section, &row};
  return {};
}

tl::unexpected<error> unknown(std::string_view key) {
  std::vector<std::string> keys;
  for (auto& section : rows_of<config>())
    for (auto& row : section.rows()) keys.push_back(key_of(section, row));
  const std::vector<std::string_view> known(keys.begin(), keys.end());
  return fail(errc::bad_arguments, "unknown key" + instead_of(key, known), std::string(key));
}

/// Of a setting that is one of some words.
result<void> check_word(const field_row& row, std::string_view text) {
  auto words = row.words();
  if (words.empty() || std::find(words.begin(), words.end(), text) != words.end()) return {};
  return fail(errc::bad_arguments,
              in_quotes(text) + " is no value of it" + instead_of(text, words));
}

}  // namespace

result<void> set_config_value(config& c, std::string_view key, std::string_view text) {
  auto found = find(key);
  if (!found.row) return unknown(key);
  auto changed = c;
  auto ok = check_word(*found.row, text);
  if (ok) ok = found.row->type->read_text(text, found.in(changed));
  if (ok) ok = found.row->type->check(found.in(changed), found.row->rules);
  if (!ok) return fail(errc::bad_arguments, std::move(ok.error().detail), std::string(key));
  c = std::move(changed);
  return {};
}

result<void> apply_environment(config& c, const char* const* environment) {
  for (auto entry = environment; entry && *entry; ++entry) {
    std::string_view variable = *entry;
    auto equals = variable.find('=');
    auto name = variable.substr(0, equals);
    auto border = name.find("__");
    if (!name.starts_with("SM_") || border == name.npos || equals == variable.npos) continue;
    auto key = lower_case(name.substr(3, border - 3)) + "." + lower_case(name.substr(border + 2));
    auto outcome = set_config_value(c, key, variable.substr(equals + 1));
    if (!outcome) {
      outcome.error().where = name;
      return outcome;
    }
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> list_config(const config& c) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (auto& row : setting_rows(c)) rows.emplace_back(row.key, row.value);
  return rows;
}

std::string shown_setting(std::string_view key, const std::string& value) {
  auto found = find(key);
  return found.row && found.row->rules.hides == hiding::password ? without_password(value) : value;
}

std::vector<setting_row> setting_rows(const config& c) {
  std::vector<setting_row> rows;
  for (auto& section : rows_of<config>())
    for (auto& row : section.rows())
      rows.push_back({key_of(section, row), row.kind(),
                      row.type->print_text(row.in(section.in(&c))), std::string(row.doc)});
  return rows;
}

std::vector<std::string> setting_sections() {
  std::vector<std::string> sections;
  for (auto& section : rows_of<config>()) sections.emplace_back(section.name);
  return sections;
}

result<std::string> setting_text(std::string_view key, const json& value) {
  auto found = find(key);
  // Who sets it says that it is unknown.
  if (!found.row) return std::string{};
  auto wrong = [](const std::string& what) { return fail(errc::bad_arguments, "must be " + what); };
  switch (found.row->kind()) {
    case field_kind::flag:
      if (!value.is_boolean()) return wrong("true or false");
      return value.get<bool>() ? "true" : "false";
    case field_kind::whole:
      if (!value.is_number_integer()) return wrong("a whole number");
      return std::to_string(value.get<std::int64_t>());
    case field_kind::number:
      if (!value.is_number()) return wrong("a number");
      return print_json(value);
    case field_kind::size:
      if (value.is_string()) return value.get<std::string>();
      if (!value.is_number_integer())
        return wrong("a number of bytes, or a text such as \"16MiB\"");
      return std::to_string(value.get<std::int64_t>());
    case field_kind::duration:
      if (!value.is_string()) return wrong("a duration such as \"1500ms\" or \"2s\"");
      return value.get<std::string>();
    case field_kind::texts: {
      std::string list;
      if (!value.is_array()) return wrong("a list of texts");
      for (auto& item : value) {
        if (!item.is_string() || item.get_ref<const std::string&>().empty())
          return wrong("a list of texts");
        auto& text = item.get_ref<const std::string&>();
        if (text.find(',') != text.npos) return wrong("a list of texts without commas");
        list += (list.empty() ? "" : ",") + text;
      }
      return list;
    }
    default:
      break;
  }
  if (!value.is_string()) return wrong("a text");
  return value.get<std::string>();
}

}  // namespace sm
