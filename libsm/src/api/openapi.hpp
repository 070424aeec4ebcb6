// The OpenAPI 3.1 document of what a manager serves, made from the table of operations and from the
// program's own routes.
#pragma once

#include <sm/http.hpp>
#include <sm/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/operations.hpp"

namespace sm {

/// A route of the program's own, as it was added.
struct user_route {
  std::string method, pattern;
  route_types types{};
  std::optional<api_role> role{};
};

json openapi_document(std::string_view program, std::string_view version,
                      std::span<const user_route> own,
                      std::span<const operation> rows = operations());

/// The schemas that rows name (components/schemas).
json openapi_schemas();

/// The same part by part, for whoever needs few of them: each part costs some 100 µs to make.
std::span<json (*const)()> schema_parts();

/// JSON Schema for documents like `sample`: kinds of fields, without bounds. A null may be
/// anything.
json schema_like(const json& sample);

}  // namespace sm
