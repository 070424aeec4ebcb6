// The environment of a program: what it inherits, what is its user's, what it is given.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "process/identity.hpp"

namespace sm {

/// "NAME=VALUE" for each variable, by `inherit_env` and `env` of the specification. `inherited` is
/// the caller's environment; `given` wins over it. What describes the start of another process
/// (sd_listen_fds, sd_notify, the journal, sm's own) is never inherited; HOME, USER, LOGNAME and
/// SHELL are the user's, if there is one.
std::vector<std::string> program_environment(
    const service_spec& spec, const identity& who, const std::vector<std::string>& inherited,
    const std::vector<std::pair<std::string, std::string>>& given);

}  // namespace sm
