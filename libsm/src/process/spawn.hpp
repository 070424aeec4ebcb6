// Starts another program: posix_spawn with a clean signal state and one inherited descriptor.
#pragma once

#include <sys/types.h>

#include <sm/error.hpp>
#include <string>
#include <vector>

namespace sm {

/// The number under which the new program finds what it inherits.
inline constexpr int inherited_number = 3;

struct spawn_request {
  std::string executable;
  std::vector<std::string> argv;
  std::vector<std::string> environment;  ///< added to, and winning over, the present one
  int inherited_fd = -1;                 ///< the one descriptor besides 0, 1, 2 that it gets
};

/// Starts it in a session of its own, with every signal at its default and none blocked.
result<pid_t> spawn(const spawn_request& rq);

}  // namespace sm
