// The routes under /v1, and the probes.
#pragma once

#include "api/event_streams.hpp"
#include "api/log_service.hpp"
#include "api/openapi.hpp"
#include "gateway/gateway.hpp"
#include "manager/supervisor.hpp"
#include "queue/queue_view.hpp"

namespace sm {

/// What the routes are about; all of it outlives them.
struct management_parts {
  supervisor& services;
  queue_view& jobs;
  queue_view& searches;  ///< for what looks at many jobs: the questions of `jobs` wait behind none
  event_streams& events;
  log_service& logs;
  const tally_board& tallies;
  const report_board& reports;
  const calls& commands;
  const event_ring& recent;
  const gateway& http;
  const class trace_exporter& traces;
  class configuration_keeper& configuration;
  class daemon_reexec& reexec;
  class token_keeper& tokens;
  class dashboard& pages;
  const class job_history& past_jobs;
  class request_logs& requests;
  std::string program;
  const std::vector<user_route>& own_routes;
  std::filesystem::path log_folder, state_folder;
  std::string config_file;          ///< "" without one
  std::function<bool()> has_clock;  ///< somebody moves the jobs whose time has come
  bool programs_over_tcp;           ///< http.programs
  const bool& shutting_down;
};

/// Binds those of the configuration file and of the manager's own process.
void add_configuration_routes(class route_adder& at, const management_parts& parts);

/// Adds the routes; fails when the program defined one of them itself.
result<void> add_management_routes(router<endpoint>& routes, const management_parts& parts);

}  // namespace sm
