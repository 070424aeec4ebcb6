// Where a service listens: "127.0.0.1:8080", "[::1]:8080", or the absolute path of a Unix socket.
#pragma once

#include <sys/types.h>

#include <sm/error.hpp>
#include <string>

#include "system/unique_fd.hpp"

namespace sm {

/// Fails with `invalid_spec` for what is neither a numeric address with a port nor a path that fits
/// into a socket's address.
result<void> check_listen_address(const std::string& address);

/// A stream socket that listens there. An IPv6 one takes IPv6 alone, so that "0.0.0.0:80" and
/// "[::]:80" are two addresses. The file of a Unix socket gets `mode`; one that is there and that
/// nobody listens on is replaced, as with systemd's sockets. Fails with `unavailable`, saying why.
result<unique_fd> listen_at(const std::string& address, mode_t mode);

/// Removes the file of a Unix socket if it still is that of `socket`.
void remove_socket_file(const std::string& address, int socket) noexcept;

}  // namespace sm
