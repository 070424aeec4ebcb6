// Values that documents which are shown do not tell: of environment variables, and of parameters
// that are secrets by their names. Which fields those are is said by the rows of specifications.
#pragma once

#include <sm/service_spec.hpp>

namespace sm {

/// Stands where a value is not shown.
inline constexpr std::string_view masked_value = "********";

/// Replaces what is secret in a specification's document, of whatever fields; `named` are names of
/// parameters beside those that its own `secret_params` has.
void mask_secrets(json& spec_document, std::span<const std::string> named = {});

/// What stands at the pointer `at` of a specification, without what is secret in it.
json masked_at(const std::string& at, const json& value, std::span<const std::string> named);

/// A client that sends back what it was shown means the value that is there: puts the values of
/// `present` (null for a new service) where a secret is masked. Fails with `invalid_spec` for a
/// mask that stands for nothing.
result<void> unmask_secrets(json& spec_document, const service_spec* present);

}  // namespace sm
