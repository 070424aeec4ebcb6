#include <algorithm>
#include <set>

#include "api/operations.hpp"

namespace sm {
namespace {

std::string path_of(const operation& op) {
  std::string text;
  std::string_view rest = op.path;
  while (!rest.empty()) {
    auto slash = std::min(rest.find('/', 1), rest.size());
    auto segment = rest.substr(0, slash);
    rest.remove_prefix(slash);
    if (segment.size() > 1 && segment[1] == ':')
      text += "/{" + std::string(segment.substr(2)) + "}";
    else
      text += segment;
  }
  return text;
}

std::string query_of(const operation& op) {
  std::string text;
  for (auto& field : op.query) text += (text.empty() ? "?" : "&") + std::string(field.name);
  return text;
}

std::string body_of(const operation& op) {
  if (op.body.what != body_schema::kind::fields) return std::string(op.body.called);
  std::string text;
  for (auto& field : op.body.fields)
    text += (text.empty() ? "`" : "`, `") + std::string(field.name);
  return text + "`";
}

std::string value_of(const query_field& field) {
  switch (field.kind) {
    case query_kind::text:
      return "text";
    case query_kind::number:
      return "number";
    case query_kind::duration:
      return "duration";
    case query_kind::flag:
      return "1 or 0";
    case query_kind::word:
    case query_kind::words:
      break;
  }
  std::string text;
  for (auto word : field.words) text += (text.empty() ? "`" : ", `") + std::string(word) + "`";
  return field.kind == query_kind::words ? "some, with commas: " + text : text;
}

}  // namespace

std::string operations_in_markdown(std::span<const operation> rows) {
  std::string text = "| operation | role | body | answer | does |\n|---|---|---|---|---|\n";
  for (auto& op : rows)
    text += "| " + std::string(op.method) + " " + path_of(op) + query_of(op) + " | " +
            (op.access == route_access::probe ? "none" : std::string(to_string(op.role))) + " | " +
            body_of(op) + " | " + std::string(op.answer) + " | " + std::string(op.summary) + " |\n";
  text += "\n| in the query | value | meaning |\n|---|---|---|\n";
  std::set<std::string> seen;
  for (auto& op : rows)
    for (auto& field : op.query) {
      auto line = "| `" + std::string(field.name) + "` | " + value_of(field) + " | " +
                  std::string(field.doc) + " |\n";
      if (seen.insert(line).second) text += line;
    }
  text += "\n| in the body | meaning |\n|---|---|\n";
  for (auto& op : rows)
    for (auto& field : op.body.fields) {
      auto line = "| `" + std::string(field.name) + "` | " + std::string(field.doc) + " |\n";
      if (seen.insert(line).second) text += line;
    }
  return text;
}

}  // namespace sm
