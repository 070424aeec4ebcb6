// The life of one service process: link to the manager, be welcomed, construct the service, take
// its commands, stop. Its actor is a CAF broker, so that it runs in the thread that reads the link
// and a command costs no hand-over between threads.
#pragma once

#include "process/fork_server.hpp"
#include "process/registry.hpp"

namespace sm {

/// CAF's configuration of a service process. Made once in the fork server, before it forks.
class service_process_config : public caf::actor_system_config {
 public:
  explicit service_process_config(const registry& types);
};

/// Runs until the service stopped, and ends the process. Called in a fresh process.
[[noreturn]] void run_service_process(const registry& types, service_process_config& config,
                                      fresh_process fresh,
                                      const std::filesystem::path& state_folder);

}  // namespace sm
