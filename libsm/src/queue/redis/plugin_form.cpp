#include "queue/redis/plugin_form.hpp"

#include "queue/payload.hpp"

namespace sm {

std::string plugin_form(const std::string& bytes, const std::string& queue) {
  if (!bytes.starts_with(R"({"class":)") || !bytes.ends_with("}")) return {};
  auto args = raw_member(bytes, "args");
  auto type = raw_member(bytes, "class");
  if (args.empty() ||
      bytes != R"({"class":)" + std::string(type) + R"(,"args":)" + std::string(args) + "}")
    return {};
  auto text = bytes.substr(0, bytes.size() - 1) + R"(,"queue":)";
  append_json_string(text, queue);
  return text + "}";
}

std::optional<plugin_job> from_plugin_form(const std::string& element) {
  auto document = parse_json(element);
  if (!document || !document->is_object()) return {};
  auto queue = document->value("queue", json());
  if (!queue.is_string()) return {};
  std::string suffix = R"(,"queue":)" + std::string(raw_member(element, "queue")) + "}";
  if (element.ends_with(suffix))
    return plugin_job{queue, element.substr(0, element.size() - suffix.size()) + "}"};
  auto type = raw_member(element, "class"), args = raw_member(element, "args");
  if (type.empty()) return {};
  return plugin_job{queue, R"({"class":)" + std::string(type) + R"(,"args":)" +
                               std::string(args.empty() ? "[]" : args) + "}"};
}

}  // namespace sm
