// Connections to a host and port, with a deadline for all of it: the look-up of the name, too.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <sm/error.hpp>
#include <string>

#include "system/unique_fd.hpp"

namespace sm {

/// A connected, non-blocking TCP socket: the host's addresses are tried one after the other.
/// `unavailable` when none answers, or its name is not found in time.
result<unique_fd> connect_tcp(const std::string& host, const std::string& port,
                              std::chrono::steady_clock::time_point deadline);

/// The same for one address of any family; `name` is for errors.
result<unique_fd> connect_socket(const sockaddr* address, socklen_t size, const std::string& name,
                                 std::chrono::steady_clock::time_point deadline);

}  // namespace sm
