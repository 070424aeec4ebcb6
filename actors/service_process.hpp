// The life of one service process: link to the manager, be welcomed, construct the service, take
// its commands, stop. Its actor is a CAF broker, so that it runs in the thread that reads the link
// and a command costs no hand-over between threads.
#pragma once

#include "process/unique_fd.hpp"
#include "registry.hpp"

namespace sm {

/// Runs until the service stopped; returns the process's exit code. Called in a fresh process.
int run_service_process(const registry& types, unique_fd link);

}  // namespace sm
