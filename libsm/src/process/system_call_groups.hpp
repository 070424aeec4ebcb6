// systemd's groups of system calls, and what a list of calls may look like: without the library
// that knows the machine's.
#pragma once

#include <set>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <vector>

namespace sm {

using system_call_names = std::set<std::string>;

/// The calls of "@clock"; null for one that is none, and for "@system-service", which is what is in
/// none of others.
const system_call_names* system_call_group(const std::string& name);
/// The names of all.
std::vector<std::string> system_call_groups();

/// Fails with `invalid_spec` for what cannot be the name of a call, and for a group that is none;
/// each may begin with "~".
result<void> check_system_calls(std::span<const std::string> items);

}  // namespace sm
