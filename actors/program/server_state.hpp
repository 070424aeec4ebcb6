// What a program registered, and the settings it runs with.
#pragma once

#include <sm/server.hpp>
#include <string>
#include <vector>

#include "api/openapi.hpp"
#include "config/configuration.hpp"
#include "gateway/gateway.hpp"
#include "manager/declared_program.hpp"
#include "process/registry.hpp"

namespace sm::detail {

struct server_state {
  std::vector<std::string> argv;
  std::string program;  ///< the last part of argv[0]
  config settings;      ///< the code's defaults
  registry types;
  std::vector<std::string> job_types;
  declarations code;
  std::filesystem::path config_file;  ///< --config, absolute; "" for none
  bool check_only = false;            ///< --check
  std::vector<std::string> given_argv;
  router<endpoint> routes;
  std::vector<user_route> own_routes;  ///< what the program added to `routes`
  std::vector<error> mistakes;         ///< of registration, reported by run()
  std::vector<std::pair<std::string, std::string>> overrides;  ///< from flags
  int exit_at_once = -1;  ///< --help and the like have been answered
};

}  // namespace sm::detail

namespace sm {

/// What the program wants, of its code, its file, the environment and its flags. May wait for the
/// disk.
declared_program declare(const detail::server_state& program);

/// What good settings name and a start would fail of: the files of TLS, the place of http.socket.
/// For --check.
result<void> would_start(const config& settings);
/// What a start would only warn of.
std::vector<std::string> doubts(const config& settings);

/// Runs the manager until it is told to stop; returns the exit code.
int run_manager(detail::server_state& program, declared_program declared);

}  // namespace sm
