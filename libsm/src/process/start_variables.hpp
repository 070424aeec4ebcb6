// What a program is told about itself at its start.
#pragma once

#include <sm/service_spec.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sm {

/// What a program is told about itself, in its environment and where its specification names it.
using start_variables = std::vector<std::pair<std::string, std::string>>;

/// `text` with these variables in the place of "${NAME}"; every other "${" stays.
std::string with_variables(std::string text, const start_variables& variables);

/// The specification with them in its command, its env, the paths of its files and its folder, and
/// the targets of its probes.
service_spec with_variables(service_spec spec, const start_variables& variables);

}  // namespace sm
