#include "answers.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "api/openapi.hpp"
#include "text/texts.hpp"

namespace sm::ctl {
namespace {

/// A schema as far as answers are held against it, made once: `smctl status` of many services comes
/// through here with each of their fields.
struct shape {
  struct field {
    std::string name;
    shape* is = nullptr;
    bool required = false;
  };
  std::string refers_to{};  ///< the schema whose content it gets when something is held against it
  const json* kinds = nullptr;  ///< its "type": a word or several; null for any
  unsigned kind_bits = ~0U;     ///< of json::value_t
  std::vector<field> fields{};  ///< by name
  shape* others = nullptr;
  shape* items = nullptr;
  std::vector<shape*> one_of{};
};

unsigned bit_of(json::value_t kind) { return 1U << static_cast<unsigned>(kind); }

unsigned bits_of(const std::string& word) {
  using kind = json::value_t;
  if (word == "object") return bit_of(kind::object);
  if (word == "array") return bit_of(kind::array);
  if (word == "string") return bit_of(kind::string);
  if (word == "boolean") return bit_of(kind::boolean);
  if (word == "integer" || word == "number")
    return bit_of(kind::number_integer) | bit_of(kind::number_unsigned) |
           bit_of(kind::number_float);
  if (word == "null") return bit_of(kind::null);
  return ~0U;
}

/// "must be an object, not '[1]'".
std::string not_the_kind(const json& kind, const json& value) {
  auto& word = (kind.is_array() ? kind.front() : kind).get_ref<const std::string&>();
  bool vowel = word == "object" || word == "array" || word == "integer";
  return (vowel ? " must be an " : " must be a ") + word + ", not " + in_quotes(print_json(value));
}

class shapes {
 public:
  /// Where and what is wrong; "" for what fits. As deep as the schemas are, which are ours. The
  /// place is made for what is wrong alone.
  std::string wrong_in(shape& is, const json& value) {
    if (!is.refers_to.empty()) fill(is, schema_called(std::exchange(is.refers_to, {})));
    if (!is.one_of.empty()) return wrong_in_each(is, value);
    if ((is.kind_bits & bit_of(value.type())) == 0) return not_the_kind(*is.kinds, value);
    if (value.is_object()) return wrong_within(is, value.get_ref<const json::object_t&>());
    if (!value.is_array() || !is.items) return {};
    for (std::size_t i = 0; i < value.size(); ++i)
      if (auto wrong = wrong_in(*is.items, value[i]); !wrong.empty())
        return "/" + std::to_string(i) + wrong;
    return {};
  }

  shape& called(std::string_view name) {
    if (auto there = by_name_.find(name); there != by_name_.end()) return *there->second;
    auto& made = made_.emplace_back();
    made.refers_to = name;
    by_name_.emplace(name, &made);
    return made;
  }

 private:
  std::string wrong_in_each(const shape& is, const json& value) {
    std::string first;
    for (auto* each : is.one_of) {
      auto wrong = wrong_in(*each, value);
      if (wrong.empty()) return {};
      if (first.empty()) first = std::move(wrong);
    }
    return first;
  }

  /// Both have their members by name.
  std::string wrong_within(const shape& is, const json::object_t& object) {
    auto missing = [](const shape::field& f) { return pointer_to(f.name) + " is missing"; };
    auto known = is.fields.begin();
    for (auto& [name, value] : object) {
      for (; known != is.fields.end() && known->name < name; ++known)
        if (known->required) return missing(*known);
      auto* inner = is.others;
      if (known != is.fields.end() && known->name == name) inner = (known++)->is;
      if (!inner) continue;
      if (auto wrong = wrong_in(*inner, value); !wrong.empty()) return pointer_to(name) + wrong;
    }
    for (; known != is.fields.end(); ++known)
      if (known->required) return missing(*known);
    return {};
  }

  const json& schema_called(std::string_view name) {
    static const json any = json::object();
    auto parts = schema_parts();
    for (std::size_t n = 0; n < parts.size(); ++n) {
      if (n == parts_.size()) parts_.push_back(parts[n]());
      if (auto found = parts_[n].find(name); found != parts_[n].end()) return *found;
    }
    return any;
  }

  shape* of(const json& schema) {
    if (auto other = schema.find("$ref"); other != schema.end()) {
      auto& path = other->get_ref<const std::string&>();
      return &called(std::string_view(path).substr(path.rfind('/') + 1));
    }
    auto& made = made_.emplace_back();
    fill(made, schema);
    return &made;
  }

  void fill(shape& made, const json& schema) {
    if (auto one = schema.find("oneOf"); one != schema.end())
      for (auto& each : *one) made.one_of.push_back(of(each));
    if (auto type = schema.find("type"); type != schema.end()) {
      made.kinds = &*type;
      made.kind_bits = 0;
      if (type->is_string()) made.kind_bits = bits_of(type->get_ref<const std::string&>());
      if (type->is_array())
        for (auto& word : *type) made.kind_bits |= bits_of(word.get_ref<const std::string&>());
    }
    if (auto items = schema.find("items"); items != schema.end()) made.items = of(*items);
    auto others = schema.find("additionalProperties");
    if (others != schema.end() && others->is_object()) made.others = of(*others);
    std::map<std::string, shape::field> fields;
    if (auto known = schema.find("properties"); known != schema.end())
      for (auto& [name, field] : known->items()) fields[name] = {name, of(field)};
    if (auto required = schema.find("required"); required != schema.end())
      for (auto& name : *required) {
        auto& field = fields[name.get_ref<const std::string&>()];
        field.name = name.get_ref<const std::string&>();
        field.required = true;
      }
    for (auto& [name, field] : fields) made.fields.push_back(std::move(field));
  }

  std::deque<json> parts_;  // of the schemas, in their order
  std::deque<shape> made_;
  std::map<std::string, shape*, std::less<>> by_name_;
};

}  // namespace

result<void> check_answer(const operation& op, const json& document) {
  static auto& all = *new shapes;  // the process is about to end
  auto wrong = all.wrong_in(all.called(op.gives), document);
  if (wrong.empty()) return {};
  if (wrong.starts_with(' ')) wrong.insert(0, "it");
  return fail(errc::bad_request, "what answers there is no manager that smctl " SM_VERSION
                                 " knows: of the answer to " +
                                     std::string(op.id) + " " + wrong);
}

}  // namespace sm::ctl
