// A consumer as it is declared, and as the service that it is.
#pragma once

#include <sm/server.hpp>
#include <sm/service_spec.hpp>

#include "queue/consumer/consumer_params.hpp"

namespace sm {

/// The service that performs jobs, as a specification like any other.
service_spec to_service(const consumer_spec& c);

/// Reads a declaration (all fields but the name) over `base`; `invalid_spec` names the field at
/// fault.
result<consumer_spec> consumer_from_json(const json& document, consumer_spec base);

/// The declaration as `consumer_from_json` reads it.
json to_json(const consumer_spec& c);

}  // namespace sm
