#include "schema/documents.hpp"

#include <algorithm>

#include "text/roff.hpp"

namespace sm {
namespace {

json number_schema(const char* type, const field_rules& rules) {
  json schema{{"type", type}};
  if (rules.least != field_rules::no_least)
    schema["minimum"] = rules.or_none ? std::min<std::int64_t>(rules.least, 0) : rules.least;
  if (rules.most != field_rules::no_most) schema["maximum"] = rules.most;
  return schema;
}

json list_of(const char* type) { return {{"type", "array"}, {"items", {{"type", type}}}}; }

json word_schema(const field_row& row) {
  json words = json::array();
  if (row.rules.or_none) words.push_back("");
  for (auto word : row.words()) words.push_back(word);
  return {{"type", "string"}, {"enum", std::move(words)}};
}

json schema_of(const field_row& row) {
  switch (row.kind()) {
    case field_kind::text:
    case field_kind::path:
      return {{"type", "string"}};
    case field_kind::word:
      return word_schema(row);
    case field_kind::flag:
      return {{"type", "boolean"}};
    case field_kind::whole:
      return number_schema("integer", row.rules);
    case field_kind::number:
      return number_schema("number", row.rules);
    case field_kind::duration:
      return {{"$ref", "#/components/schemas/Duration"}};
    case field_kind::size: {
      auto schema = number_schema("integer", row.rules);
      schema["type"] = {"integer", "string"};
      return schema;
    }
    case field_kind::texts:
      return list_of("string");
    case field_kind::wholes:
      return list_of("integer");
    case field_kind::list:
      return {{"type", "array"}, {"items", json::object()}};
    case field_kind::text_map:
      return {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}};
    case field_kind::object:
      return row.rows().empty() ? json{{"type", "object"}} : json_schema(row.rows());
    case field_kind::any:
      break;
  }
  return json::object();
}

std::string in_code(const std::string& text) { return text.empty() ? "" : "`" + text + "`"; }

std::string default_of(const field_row& row, const void* member) {
  if (!row.rules.otherwise.empty()) return std::string(row.rules.otherwise);
  auto value = row.type->write(member);
  if (value.is_null() || value == "") return {};
  return in_code(value.is_string() ? value.get<std::string>() : print_json(value));
}

std::string meaning_of(const field_row& row) {
  std::string text;
  for (auto word : row.words()) text += (text.empty() ? "`" : ", `") + std::string(word) + "`";
  if (!text.empty() && row.doc.find(text.substr(0, text.find(','))) != row.doc.npos) text.clear();
  return text.empty() ? std::string(row.doc) : std::string(row.doc) + ": " + text;
}

/// Calls `f` with each row, its key and its value by default.
template <class F>
void each_row(const void* defaults, field_rows rows, const table_form& form,
              const std::string& before, const F& f) {
  for (auto& row : rows) {
    using enum table_form::which;
    if (form.rows != all && row.rules.of_programs != (form.rows == of_programs)) continue;
    if (!form.named && row.name == "name") continue;
    auto key = before + std::string(row.name);
    if (auto within = row.rows(); !within.empty()) {
      each_row(row.in(defaults), within, {.meanings = form.meanings}, key + ".", f);
      continue;
    }
    f(row, key, default_of(row, row.in(defaults)));
  }
}

}  // namespace

json json_schema(field_rows rows) {
  json schema{{"type", "object"}, {"properties", json::object()}, {"additionalProperties", false}};
  for (auto& row : rows) {
    auto field = schema_of(row);
    // Of what is referred to, a description stands beside it (JSON Schema 2020-12).
    field["description"] = row.doc;
    schema["properties"][std::string(row.name)] = std::move(field);
  }
  return schema;
}

std::string_view json_type(field_kind kind) noexcept {
  switch (kind) {
    case field_kind::text:
    case field_kind::path:
    case field_kind::word:
    case field_kind::duration:
      return "string";
    case field_kind::flag:
      return "boolean";
    case field_kind::whole:
    case field_kind::size:
      return "integer";
    case field_kind::number:
      return "number";
    case field_kind::texts:
    case field_kind::wholes:
    case field_kind::list:
      return "array";
    case field_kind::text_map:
    case field_kind::object:
      return "object";
    case field_kind::any:
      break;
  }
  return {};
}

std::string markdown_table(const void* defaults, field_rows rows, table_form form) {
  std::string text = form.meanings ? "| key | value | default | meaning |\n|---|---|---|---|\n"
                                   : "| key | value | default |\n|---|---|---|\n";
  each_row(defaults, rows, form, "",
           [&](auto& row, const std::string& key, const std::string& value) {
             text += "| `" + key + "` | " + std::string(to_string(row.kind())) + " | " + value +
                     " |" + (form.meanings ? " " + meaning_of(row) + " |" : "") + "\n";
           });
  return text;
}

std::string roff_list(const void* defaults, field_rows rows, table_form form) {
  std::string text;
  each_row(
      defaults, rows, form, "", [&](auto& row, const std::string& key, const std::string& value) {
        text +=
            roff_item(key, std::string(to_string(row.kind())) +
                               (value.empty() ? "" : " [" + value + "]") + ": " + meaning_of(row));
      });
  return text;
}

}  // namespace sm
