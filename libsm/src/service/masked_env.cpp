#include "service/masked_env.hpp"

namespace sm {

void mask_env(json& spec_document) {
  auto env = spec_document.find("env");
  if (env == spec_document.end() || !env->is_object()) return;
  for (auto& value : *env) value = masked_value;
}

result<void> unmask_env(json& spec_document, const service_spec* present) {
  if (!spec_document.is_object()) return {};
  auto env = spec_document.find("env");
  if (env == spec_document.end() || !env->is_object()) return {};
  for (auto& entry : env->items()) {
    if (entry.value() != masked_value) continue;
    auto known = present ? present->env.find(entry.key()) : decltype(present->env.end()){};
    if (!present || known == present->env.end())
      return fail(errc::invalid_spec, "is what hides a value, not a value", "/env/" + entry.key());
    entry.value() = known->second;
  }
  return {};
}

}  // namespace sm
