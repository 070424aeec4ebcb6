// Who asks: told with a request, and with each change of what is wanted.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <optional>
#include <sm/api_role.hpp>
#include <string>

namespace sm {

struct principal {
  enum class origin {
    program,      ///< nobody from outside: the program itself, its file, a signal
    unix_socket,  ///< a process of this host, as the kernel names it (SO_PEERCRED)
    tcp
  };
  origin from = origin::program;
  uid_t uid = 0;
  gid_t gid = 0;
  pid_t pid = 0;          ///< 0 where it is not known, of another namespace, say
  std::string address{};  ///< over TCP: "127.0.0.1:51820", "[::1]:51820"
  std::string token{};    ///< the name of the token that was shown; "" of the state folder's own
  std::string certificate{};  ///< the name of its certificate that has a role; "" without one
  /// What it may do, of who had to show that.
  std::optional<api_role> role{};
  /// The services that the token is good for: globs, by commas; "" is all of them.
  std::string services{};

  friend bool operator==(const principal&, const principal&) = default;
};

/// "uid 1000, pid 4711", "127.0.0.1:51820", "token ci, 127.0.0.1:51820", "the program".
std::string to_string(const principal& who);

}  // namespace sm
