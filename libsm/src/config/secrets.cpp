#include "config/secrets.hpp"

#include <fstream>

#include "queue/redis/redis_url.hpp"

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

std::vector<std::string> without_passwords(std::vector<std::string> arguments) {
  constexpr std::string_view key = "queue.url=";
  for (auto& text : arguments)
    if (auto at = text.find(key); at != text.npos)
      text = text.substr(0, at + key.size()) + without_password(text.substr(at + key.size()));
  return arguments;
}

result<void> read_secret_files(config& c) {
  if (c.queue.url_file.empty()) return {};
  if (!c.queue.url.empty())
    return fail(errc::bad_arguments, "queue.url is set, too", "queue.url_file");
  std::ifstream file(c.queue.url_file);
  if (!std::getline(file, c.queue.url) || c.queue.url.empty())
    return fail(errc::bad_arguments, "cannot read a URL from " + c.queue.url_file.string(),
                "queue.url_file");
  return {};
}

}  // namespace sm
