#include "process/start_variables.hpp"

namespace sm {

std::string with_variables(std::string text, const start_variables& variables) {
  for (auto& [name, value] : variables) {
    auto mark = "${" + name + "}";
    for (auto at = text.find(mark); at != text.npos; at = text.find(mark, at + value.size()))
      text.replace(at, mark.size(), value);
  }
  return text;
}

service_spec with_variables(service_spec spec, const start_variables& variables) {
  auto fill_in = [&](std::string& text) { text = with_variables(std::move(text), variables); };
  for (auto& argument : spec.command) fill_in(argument);
  for (auto& [name, value] : spec.env) fill_in(value);
  for (auto& file : spec.env_file) fill_in(file);
  for (auto* text : {&spec.directory, &spec.pid_file, &spec.ready.target, &spec.health.target})
    fill_in(*text);
  return spec;
}

}  // namespace sm
