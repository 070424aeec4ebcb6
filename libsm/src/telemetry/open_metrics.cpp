#include "telemetry/open_metrics.hpp"

#include <fmt/format.h>

#include <sm/json.hpp>

namespace sm {

std::string escaped_label(std::string_view text) {
  // One byte that is no UTF-8 would spoil all the others.
  std::string clean(is_utf8(text) ? text : std::string_view{});
  if (clean.empty() && !text.empty())
    clean = json::parse(print_json(json(text))).get<std::string>();
  std::string out;
  for (char c : clean) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

std::string metric_family(std::string_view name, std::string_view type, std::string_view help) {
  return fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, type, name, help);
}

}  // namespace sm
