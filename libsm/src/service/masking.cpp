#include "service/masking.hpp"

#include <algorithm>
#include <functional>

#include "schema/secret_names.hpp"
#include "schema/spec_fields.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using secret_list = std::vector<std::string>;

/// Called for a secret, with its pointer; may change it.
using on_secret = std::function<void(const std::string& at, json& value)>;

void find_by_name(json& value, const std::string& at, const secret_list& named,
                  const on_secret& f) {
  if (value.is_array())
    for (std::size_t i = 0; i < value.size(); ++i)
      find_by_name(value[i], at + "/" + std::to_string(i), named, f);
  if (!value.is_object()) return;
  for (auto& entry : value.items()) {
    auto place = at + pointer_to(entry.key());
    if (is_secret_name(entry.key(), named))
      f(place, entry.value());
    else
      find_by_name(entry.value(), place, named, f);
  }
}

void find_secrets(json& document, const secret_list& named, const on_secret& f) {
  if (!document.is_object()) return;
  for (auto& row : rows_of<service_spec>()) {
    auto member = document.find(row.name);
    if (member == document.end() || row.rules.hides == hiding::nothing) continue;
    auto at = pointer_to(row.name);
    if (row.rules.hides == hiding::by_name)
      find_by_name(*member, at, named, f);
    else if (member->is_object())
      for (auto& entry : member->items()) f(at + pointer_to(entry.key()), entry.value());
  }
}

/// The parameters that a document, which may be of anybody, names as secrets.
void add_named(const json& document, secret_list& out) {
  if (!document.is_object()) return;
  auto list = document.find("secret_params");
  if (list == document.end() || !list->is_array()) return;
  for (auto& name : *list)
    if (name.is_string()) out.push_back(name.get<std::string>());
}

}  // namespace

void mask_secrets(json& spec_document, std::span<const std::string> named) {
  secret_list all(named.begin(), named.end());
  add_named(spec_document, all);
  find_secrets(spec_document, all, [](auto&, json& value) { value = masked_value; });
}

json masked_at(const std::string& at, const json& value, std::span<const std::string> named) {
  if (value.is_null()) return value;  // nothing was there
  // As the whole document in which it stands; a place in a list becomes a member of its number.
  json document;
  const json::json_pointer place(at);
  std::vector<std::string> path;
  for (auto p = place; !p.empty(); p.pop_back()) path.push_back(p.back());
  document = value;
  for (auto& key : path) document = json{{key, std::exchange(document, {})}};
  mask_secrets(document, named);
  auto* shown = &document;
  for (auto key = path.rbegin(); key != path.rend() && shown->is_object(); ++key)
    shown = &shown->at(*key);
  return *shown;
}

result<void> unmask_secrets(json& spec_document, const service_spec* present) {
  secret_list named;
  add_named(spec_document, named);
  if (present)
    named.insert(named.end(), present->secret_params.begin(), present->secret_params.end());
  json known;  // made when it is asked for
  result<void> outcome;
  find_secrets(spec_document, named, [&](const std::string& at, json& value) {
    if (value != masked_value || !outcome) return;
    if (present && known.is_null()) known = to_json(*present);
    const json::json_pointer place(at);
    if (known.contains(place))
      value = known.at(place);
    else
      outcome = fail(errc::invalid_spec, "is what hides a value, not a value", at);
  });
  return outcome;
}

}  // namespace sm
