// Which system calls a program may make (seccomp(2)), in the words of systemd's SystemCallFilter=.
#pragma once

#include <linux/filter.h>

#include <set>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <vector>

namespace sm {

/// The names of the calls that `items` allow, calls and groups such as "@system-service". One after
/// the other is added, or taken away when it begins with "~"; it begins with none, or with all when
/// the first is taken away. Some that every program needs to begin and to end are always among
/// them. Fails with `invalid_spec` for what is no call of any machine and no group.
result<std::set<std::string>> allowed_system_calls(std::span<const std::string> items);

/// Fails at "/system_call_filter" where that does.
result<void> check_system_call_filter(std::span<const std::string> items);

/// The kernel's form of it; empty for no items. What is not allowed ends the process by SIGSYS;
/// what the library does not know yet fails with ENOSYS, as on an older kernel.
result<std::vector<sock_filter>> compile_system_call_filter(std::span<const std::string> items);

}  // namespace sm
