// A process that becomes the present content of its executable, with its pid and its listening
// sockets.
#pragma once

#include <chrono>
#include <filesystem>
#include <sm/error.hpp>
#include <string>
#include <vector>

#include "process/inherited_sockets.hpp"

namespace sm {

/// Whether the file would start with these arguments: runs it with --check besides. Fails with
/// `conflict` and what it said. Waits for it, and kills it past the deadline.
result<void> try_executable(const std::filesystem::path& file, std::vector<std::string> argv,
                            std::chrono::milliseconds deadline = std::chrono::seconds{10});

/// Executes the file in the place of this process. The sockets are inherited as by
/// sd_listen_fds(3), every other descriptor but the standard ones is closed, SIGTERM and SIGINT
/// wait until it reads them, other signals are as at a start. Comes back only when the kernel
/// refuses it.
error execute_again(const std::filesystem::path& file, std::vector<std::string> argv,
                    std::vector<inherited_socket> sockets);

}  // namespace sm
