// Values of environment variables, which documents that are shown do not tell.
#pragma once

#include <sm/service_spec.hpp>

namespace sm {

/// Stands where a value is not shown.
inline constexpr std::string_view masked_value = "********";

/// Replaces the values of `env` in a specification's document.
void mask_env(json& spec_document);

/// A client that sends back what it was shown means the value that is there: puts the values of
/// `present` (null for a new service) where `env` has masks. Fails with `invalid_spec` for one that
/// stands for nothing.
result<void> unmask_env(json& spec_document, const service_spec* present);

}  // namespace sm
