// Who listens at a TCP address: a probe that is answered by what an earlier run left behind says
// nothing about the present one.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// A listening socket, of /proc/net/tcp or tcp6: proc(5).
struct listener {
  std::string address;  ///< 4 or 16 bytes in network order
  std::uint16_t port = 0;
  std::uint64_t inode = 0;
};

/// Reads the text of /proc/net/tcp or tcp6; lines that are none are passed over.
std::vector<listener> parse_listeners(std::string_view text);

/// Both ends of a connection.
struct connection_ends {
  sockaddr_storage local{};
  sockaddr_storage peer{};
};
std::optional<connection_ends> ends_of(int socket);

/// The sockets of `all` that may have taken the connection: empty when its peer is on another host.
std::vector<std::uint64_t> takers_of(const connection_ends& ends, const std::vector<listener>& all);

/// A process older than `root` that holds the socket which took the connection, while none of the
/// tree under `root` does. Nothing when it is the tree's, or cannot be told: then it counts.
std::optional<pid_t> older_owner(const connection_ends& ends, pid_t root);

}  // namespace sm
