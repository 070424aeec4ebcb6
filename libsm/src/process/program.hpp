// Starts any program the way its specification says: argv without a shell, environment, directory,
// user, limits. Nothing of the caller's is inherited but what is named.
#pragma once

#include <sys/types.h>

#include <sm/service_spec.hpp>
#include <string>
#include <vector>

#include "process/start_variables.hpp"
#include "system/unique_fd.hpp"

namespace sm {

/// What the program inherits besides its specification.
struct program_streams {
  int output = -1;                 ///< its stdout
  int errors = -1;                 ///< its stderr
  std::vector<int> descriptors{};  ///< become 3, 4, ...
  start_variables variables{};
  bool listen_pid = false;  ///< set LISTEN_PID to its pid, as sd_listen_fds(3) checks
};

/// Starts it in a session of its own; it is killed when the calling thread ends. The error names
/// what is at fault: the executable, the directory, the user.
result<pid_t> start_program(const service_spec& spec, const program_streams& streams);

}  // namespace sm
