// Listening sockets that whoever started this process bound for it: sd_listen_fds(3).
#pragma once

#include <string>
#include <vector>

#include "system/unique_fd.hpp"

namespace sm {

inline constexpr int first_inherited = 3;  // SD_LISTEN_FDS_START

struct inherited_socket {
  unique_fd fd;
  std::string name;  ///< of LISTEN_FDNAMES; "" without
};

/// Takes those that LISTEN_PID says are for this process, close-on-exec from then on, and removes
/// the variables: they are about this process alone. What does not listen is left open and is none.
std::vector<inherited_socket> take_inherited_sockets();

}  // namespace sm
