// The rows of the manager's settings, by their sections.
#pragma once

#include <sm/config.hpp>

#include "schema/field.hpp"

namespace sm {

/// A row for each section, with the rows of its settings.
field_rows fields_of(const config*);
field_rows fields_of(const manager_config*);
field_rows fields_of(const log_config*);
field_rows fields_of(const http_config*);
field_rows fields_of(const link_config*);
field_rows fields_of(const queue_config*);
field_rows fields_of(const trace_config*);

}  // namespace sm
