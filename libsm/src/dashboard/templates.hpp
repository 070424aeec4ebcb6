// The dashboard's pages as Mustache templates (apps/dashboard), embedded. A template sees what its
// model has, and escapes it; a name that no model has is a mistake, which `missing` tells.
#pragma once

#include <set>
#include <sm/json.hpp>
#include <string>
#include <string_view>

namespace sm {

/// A page made from the template `name` ("services.html") in the frame of the others, or alone
/// (`framed` false). Texts of `model` are shown, true or an object or a list with entries opens a
/// section; null, false and an empty list close it.
std::string render_template(std::string_view name, const json& model, bool framed,
                            std::set<std::string>* missing = nullptr);

}  // namespace sm
