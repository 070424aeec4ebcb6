// What must not be seen: values of environment variables in documents, passwords on the command
// line, which any user may read in /proc.
#pragma once

#include <sm/config.hpp>
#include <sm/json.hpp>
#include <sm/service_spec.hpp>
#include <string>
#include <vector>

namespace sm {

/// Stands where a value is not shown.
inline constexpr std::string_view masked_value = "********";

/// Replaces the values of `env` in a specification's document.
void mask_env(json& spec_document);

/// A client that sends back what it was shown means the value that is there: puts the values of
/// `present` (null for a new service) where `env` has masks. Fails with `invalid_spec` for one that
/// stands for nothing.
result<void> unmask_env(json& spec_document, const service_spec* present);

/// The arguments without the passwords of queue.url.
std::vector<std::string> without_passwords(std::vector<std::string> arguments);

/// Takes queue.url from the first line of queue.url_file, when that is set.
result<void> read_secret_files(config& c);

}  // namespace sm
