// Groups of services as JSON documents.
#pragma once

#include <sm/json.hpp>
#include <sm/service_spec.hpp>

namespace sm {

/// Reads a group over `base`; unknown fields and bad values fail with `invalid_spec` and the
/// field's JSON pointer.
result<group_spec> group_from_json(const json& document, group_spec base);

json to_json(const group_spec& group);

}  // namespace sm
