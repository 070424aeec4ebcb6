#include "telemetry/open_metrics.hpp"

#include <fmt/format.h>

namespace sm {

std::string escaped_label(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

std::string metric_family(std::string_view name, std::string_view type, std::string_view help) {
  return fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, type, name, help);
}

}  // namespace sm
