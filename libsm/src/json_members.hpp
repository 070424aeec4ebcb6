// Members of documents whose shape is not sure.
#pragma once

#include <sm/json.hpp>
#include <string>

namespace sm {

/// A field; null where there is none.
const json& at(const json& document, const char* name);
/// A text field, "" where there is none or it is no text.
std::string text_in(const json& document, const char* name);
/// A number, 0 where there is none or it is none.
double number_in(const json& document, const char* name);
/// Whether a field is true.
bool flag_in(const json& document, const char* name);

}  // namespace sm
