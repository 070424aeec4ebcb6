// The rows of specifications, and of what stands in them.
#pragma once

#include <sm/service_spec.hpp>

#include "schema/field.hpp"

namespace sm {

field_rows fields_of(const service_spec*);
field_rows fields_of(const backoff_policy*);
field_rows fields_of(const intensity_policy*);
field_rows fields_of(const readiness*);
field_rows fields_of(const health_check*);
field_rows fields_of(const log_policy*);
field_rows fields_of(const reload_policy*);
field_rows fields_of(const group_spec*);

/// The specification as it is kept and sent to its process: what is as by default is left out, so
/// `spec_from_json` gives it again.
json to_short_json(const service_spec& spec);

std::span<const std::string_view> words_of(restart_policy) noexcept;
std::span<const std::string_view> words_of(group_strategy) noexcept;

}  // namespace sm
