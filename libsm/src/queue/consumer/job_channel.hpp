// The channel between a consumer and the process of a job: frames of a letter, a length, bytes.
//   to the job:  D description (JSON)   P payload   C why it is asked to end (cancel_reason)
//   from it:     B its pid   R progress (JSON)   M what it counted (own_families)
//                O outcome (JSON)   X exit status, by the server
#pragma once

#include <optional>
#include <sm/error.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "system/unique_fd.hpp"

namespace sm {

struct frame {
  char what = 0;
  std::string bytes{};
};

/// Waits for room. False when the other end is gone, or has not read for as long as the socket
/// waits (SO_SNDTIMEO).
bool write_frame(int fd, char what, std::string_view bytes);
/// Waits for a whole one; nothing at the channel's end, or for what is larger than 1 GiB.
std::optional<frame> read_frame(int fd);
/// Two ends of a new one, of SOCK_STREAM or SOCK_SEQPACKET.
result<std::pair<unique_fd, unique_fd>> channel_pair(int type);

}  // namespace sm
