// The words for a failed system call: what was tried, on what, and the system's reason.
#pragma once

#include <cerrno>
#include <sm/error.hpp>
#include <string>
#include <system_error>

namespace sm {

inline tl::unexpected<error> system_failure(const std::string& tried, const std::string& on = {},
                                            int number = errno) {
  return fail(errc::unavailable, tried + ": " + std::generic_category().message(number), on);
}

}  // namespace sm
