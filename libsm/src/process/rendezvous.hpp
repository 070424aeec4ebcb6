// How a process that outlived its manager finds the next one: it dials the state folder's link
// socket, says in one line of JSON who it is, and hears in one line whether it is taken. Accepted,
// the connection is its new link.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <sm/json.hpp>

#include "process/unique_fd.hpp"

namespace sm {

inline constexpr std::size_t greeting_max = 64 << 10;

/// Blocks for a second at most. `unavailable`: nobody answers, try again; `conflict`: the manager
/// does not want this process, with its words.
result<unique_fd> dial_manager(const std::filesystem::path& socket, const json& greeting,
                               int passed_fd = -1);

/// The pause before the n-th attempt, counted from 0.
std::chrono::milliseconds dial_pause(unsigned attempt);

// -- the manager's side

struct peer {
  pid_t pid = 0;
  uid_t uid = 0;
};
result<peer> peer_of(int socket);

struct received_greeting {
  json document;
  unique_fd passed;  ///< the descriptor that came along, if any
};

/// Takes what has arrived on `socket`: the whole greeting, `cancelled` when there is nothing yet.
result<received_greeting> receive_greeting(int socket);

/// `refusal` is empty for an accepted process.
result<void> answer_greeting(int socket, const std::string& refusal);

// -- messages with a descriptor

/// Sends one message, with `passed_fd` if it is not -1.
result<void> send_with_fd(int socket, std::string_view text, int passed_fd, int flags);

}  // namespace sm
