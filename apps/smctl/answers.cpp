#include "answers.hpp"

#include <algorithm>
#include <deque>

#include "api/openapi.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

const json& schema_called(std::string_view name) {
  static std::deque<json> made;  // of the parts, in their order
  static const json any = json::object();
  auto parts = schema_parts();
  for (std::size_t n = 0; n < parts.size(); ++n) {
    if (n == made.size()) made.push_back(parts[n]());
    if (auto found = made[n].find(name); found != made[n].end()) return *found;
  }
  return any;
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

/// "must be an object, not '[1]'".
std::string not_the_kind(const json& kind, const json& value) {
  auto& word = (kind.is_array() ? kind.front() : kind).get_ref<const std::string&>();
  bool vowel = word == "object" || word == "array" || word == "integer";
  return (vowel ? " must be an " : " must be a ") + word + ", not " + in_quotes(print_json(value));
}

bool fits_kind(const json& kind, const json& value) {
  if (kind.is_string()) return is_kind(value, kind.get_ref<const std::string&>());
  return std::any_of(kind.begin(), kind.end(), [&](auto& each) {
    return is_kind(value, each.template get_ref<const std::string&>());
  });
}

std::string wrong_in(const json& schema, const json& value);

/// Of what stands in an object or list: the first that does not fit, behind its place.
std::string wrong_within(const json& schema, const json& value) {
  if (value.is_array()) {
    auto items = schema.find("items");
    if (items == schema.end()) return {};
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto wrong = wrong_in(*items, value[i]); !wrong.empty())
        return "/" + std::to_string(i) + wrong;
  }
  if (!value.is_object()) return {};
  if (auto required = schema.find("required"); required != schema.end())
    for (auto& name : *required)
      if (!value.contains(name.get_ref<const std::string&>()))
        return pointer_to(name.get_ref<const std::string&>()) + " is missing";
  auto fields = schema.find("properties");
  auto others = schema.find("additionalProperties");
  for (auto field = value.begin(); field != value.end(); ++field) {
    const json* inner = others != schema.end() && others->is_object() ? &*others : nullptr;
    if (fields != schema.end())
      if (auto known = fields->find(field.key()); known != fields->end()) inner = &*known;
    if (!inner) continue;
    if (auto wrong = wrong_in(*inner, *field); !wrong.empty())
      return pointer_to(field.key()) + wrong;
  }
  return {};
}

/// Where and what; "" for what fits. As deep as the schemas are, which are ours. The place is made
/// for what is wrong alone: `smctl status` of many services comes through here.
std::string wrong_in(const json& schema, const json& value) {
  if (auto other = schema.find("$ref"); other != schema.end()) {
    auto& path = other->get_ref<const std::string&>();
    return wrong_in(schema_called(std::string_view(path).substr(path.rfind('/') + 1)), value);
  }
  if (auto one = schema.find("oneOf"); one != schema.end()) {
    std::string first;
    for (auto& each : *one) {
      auto wrong = wrong_in(each, value);
      if (wrong.empty()) return {};
      if (first.empty()) first = std::move(wrong);
    }
    return first;
  }
  if (auto kind = schema.find("type"); kind != schema.end() && !fits_kind(*kind, value))
    return not_the_kind(*kind, value);
  return wrong_within(schema, value);
}

}  // namespace

result<void> check_answer(const operation& op, const json& document) {
  auto wrong = wrong_in(schema_called(op.gives), document);
  if (wrong.empty()) return {};
  if (wrong.starts_with(' ')) wrong.insert(0, "it");
  return fail(errc::bad_request, "what answers there is no manager that smctl " SM_VERSION
                                 " knows: of the answer to " +
                                     std::string(op.id) + " " + wrong);
}

}  // namespace sm::ctl
