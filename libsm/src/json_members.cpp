#include "json_members.hpp"

namespace sm {

const json& at(const json& document, const char* name) {
  static const json nothing;
  if (!document.is_object()) return nothing;
  auto field = document.find(name);
  return field == document.end() ? nothing : *field;
}

std::string text_in(const json& document, const char* name) {
  auto& field = at(document, name);
  return field.is_string() ? field.get<std::string>() : std::string{};
}

double number_in(const json& document, const char* name) {
  auto& field = at(document, name);
  return field.is_number() ? field.get<double>() : 0;
}

bool flag_in(const json& document, const char* name) {
  auto& field = at(document, name);
  return field.is_boolean() && field.get<bool>();
}

}  // namespace sm
