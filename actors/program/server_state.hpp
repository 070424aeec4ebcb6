// What a program registered, and the settings it runs with.
#pragma once

#include <sm/server.hpp>
#include <string>
#include <vector>

#include "gateway/gateway.hpp"
#include "process/registry.hpp"

namespace sm::detail {

struct server_state {
  std::vector<std::string> argv;
  std::string program;  ///< the last part of argv[0]
  config settings;
  registry types;
  std::vector<std::string> job_types;
  std::vector<service_spec> services;
  std::vector<consumer_spec> consumers;
  std::vector<group_spec> groups;
  std::vector<schedule_spec> schedules;
  std::map<std::string, queue_limits> limits;
  router<endpoint> routes;
  std::vector<error> mistakes;  ///< of registration, reported by run()
  std::vector<std::pair<std::string, std::string>> overrides;  ///< from flags
  int exit_at_once = -1;  ///< --help and the like have been answered
};

}  // namespace sm::detail

namespace sm {

/// Runs the manager until it is told to stop; returns the exit code.
int run_manager(detail::server_state& program);

}  // namespace sm
