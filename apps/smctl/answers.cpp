#include "answers.hpp"

#include <algorithm>

#include "api/openapi.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

const json& schema_called(std::string_view name) {
  static const json all = openapi_schemas();
  static const json any = json::object();
  auto found = all.find(name);
  return found == all.end() ? any : *found;
}

bool is_kind(const json& value, std::string_view kind) {
  if (kind == "object") return value.is_object();
  if (kind == "array") return value.is_array();
  if (kind == "string") return value.is_string();
  if (kind == "boolean") return value.is_boolean();
  if (kind == "integer" || kind == "number") return value.is_number();
  if (kind == "null") return value.is_null();
  return true;
}

std::string_view article_of(std::string_view kind) {
  return kind == "object" || kind == "array" || kind == "integer" ? "an " : "a ";
}

/// "must be an object, not [1]"; "" for what fits.
std::string wrong_kind(const json& schema, const json& value) {
  auto kind = schema.find("type");
  if (kind == schema.end()) return {};
  auto words = kind->is_array() ? *kind : json::array({*kind});
  for (auto& each : words)
    if (is_kind(value, each.get_ref<const std::string&>())) return {};
  auto word = words[0].get<std::string>();
  return "must be " + std::string(article_of(word)) + word + ", not " +
         in_quotes(print_json(value));
}

/// Where and what; "" for what fits. As deep as the schemas are, which are ours.
std::string wrong_in(const json& schema, const json& value, const std::string& at) {
  if (auto other = schema.find("$ref"); other != schema.end()) {
    auto& path = other->get_ref<const std::string&>();
    return wrong_in(schema_called(std::string_view(path).substr(path.rfind('/') + 1)), value, at);
  }
  if (auto one = schema.find("oneOf"); one != schema.end()) {
    std::string first;
    for (auto& each : *one) {
      auto wrong = wrong_in(each, value, at);
      if (wrong.empty()) return {};
      if (first.empty()) first = std::move(wrong);
    }
    return first;
  }
  if (auto wrong = wrong_kind(schema, value); !wrong.empty())
    return (at.empty() ? "it" : at) + " " + wrong;
  if (value.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto wrong = wrong_in(schema["items"], value[i], at + "/" + std::to_string(i));
          !wrong.empty())
        return wrong;
  }
  if (!value.is_object()) return {};
  if (auto required = schema.find("required"); required != schema.end())
    for (auto& name : *required)
      if (!value.contains(name.get_ref<const std::string&>()))
        return at + pointer_to(name.get_ref<const std::string&>()) + " is missing";
  auto fields = schema.find("properties");
  auto others = schema.find("additionalProperties");
  for (auto& [name, field] : value.items()) {
    const json* inner = nullptr;
    if (fields != schema.end() && fields->contains(name))
      inner = &(*fields)[name];
    else if (others != schema.end() && others->is_object())
      inner = &*others;
    if (!inner) continue;
    if (auto wrong = wrong_in(*inner, field, at + pointer_to(name)); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace

result<void> check_answer(const operation& op, const json& document) {
  auto wrong = wrong_in(schema_called(op.gives), document, "");
  if (wrong.empty()) return {};
  return fail(errc::bad_request, "what answers there is no manager that smctl " SM_VERSION
                                 " knows: of the answer to " +
                                     std::string(op.id) + " " + wrong);
}

}  // namespace sm::ctl
