// How a process that outlived its manager finds the next one: it dials the state folder's link
// socket, says in one line of JSON who it is, and hears in one line whether it is taken. Accepted,
// the connection is its new link.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <sm/json.hpp>
#include <vector>

#include "system/unique_fd.hpp"

namespace sm {

inline constexpr std::size_t greeting_max = 64 << 10;

/// Blocks for a second at most. `unavailable`: nobody answers, try again; `conflict`: the manager
/// does not want this process, with its words.
result<unique_fd> dial_manager(const std::filesystem::path& socket, const json& greeting,
                               const std::vector<int>& passed = {});

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
  std::vector<unique_fd> passed{};  ///< descriptors that came along
};

/// Takes what has arrived on `socket`: the whole greeting, `cancelled` when there is nothing yet.
result<received_greeting> receive_greeting(int socket);

/// `refusal` is empty for an accepted process.
result<void> answer_greeting(int socket, const std::string& refusal);

// -- messages with descriptors

inline constexpr std::size_t passed_max = 32;

/// Sends one message with up to `passed_max` descriptors.
result<void> send_with_fds(int socket, std::string_view text, const std::vector<int>& passed,
                           int flags);

struct received_message {
  std::string text;
  std::vector<unique_fd> passed{};
};

/// Receives up to `size_max` bytes, without waiting: `cancelled` when there is nothing,
/// `unavailable` when the other side is gone.
result<received_message> receive_with_fds(int socket, std::size_t size_max);

}  // namespace sm
