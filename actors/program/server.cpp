#include <bsd/unistd.h>

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <sm/server.hpp>

#include "builtin/consumer.hpp"
#include "builtin/program_adapter.hpp"
#include "builtin/queue_clock.hpp"
#include "config/program_flags.hpp"
#include "config/secrets.hpp"
#include "manager/fork_client.hpp"
#include "process/fork_server.hpp"
#include "process/service_process.hpp"
#include "process/stack_dump.hpp"
#include "process/start_state.hpp"
#include "program/server_state.hpp"
#include "queue/consumer/fork_runner.hpp"
#include "queue/payload.hpp"
#include "queue/schedule.hpp"

namespace sm {
namespace {

constexpr int exit_usage = 2;

void report(const error& e) { std::fprintf(stderr, "error: %s\n", to_string(e).c_str()); }

/// In the process that forks for each job of a consumer with `isolate`.
int run_job_server(detail::server_state& program, const char* variable) {
  auto document = parse_json(variable);
  auto settings = from_json_value<job_server_settings>(document ? *document : json{});
  if (!settings) {
    report(settings.error());
    return 2;
  }
  ::unsetenv(job_server_variable);
  serve_jobs(program.types.jobs, *settings);
  return 0;
}

/// In the fork server and its children: forks until the manager is gone, or runs the one service.
int run_fork_server(detail::server_state& program, const char* variable) {
  auto document = parse_json(variable);
  auto settings = from_json_value<fork_server_settings>(document ? *document : json{});
  if (!settings) {
    report(settings.error());
    return 2;
  }
  ::unsetenv(fork_server_variable);
  remember_descriptor_limit(settings->descriptors);
  install_stack_dump();
  service_process_config config(program.types);
  ::setproctitle("-%s: fork server",
                 program.program.c_str());  // "-": without the program's name before it
  serve_forks(*settings, [&](fresh_process fresh) {
    ::setproctitle("-sm %s", fresh.identity.instance.c_str());
    run_service_process(program.types, config, std::move(fresh), settings->state_folder);
  });
  return 0;
}

}  // namespace

server::server(int argc, char** argv) : state_(std::make_unique<detail::server_state>()) {
  open_standard_streams();
  auto& s = *state_;
  const std::vector<std::string> given(argv, argv + argc);
  s.given_argv = given;
  s.argv = without_passwords(given);
  s.program = std::filesystem::path(s.argv.empty() ? "sm" : s.argv[0]).filename().string();
  ::setproctitle_init(argc, argv, environ);
  s.types.types[consumer_type] = builtin_factory(
      [jobs = s.types.jobs, own = s.argv](service_context context, const builtin_setup& setup) {
        return std::make_unique<sm::consumer>(std::move(context), jobs, own, setup);
      });
  s.types.params_checks[consumer_type] = [](const json& params) -> result<void> {
    return read_consumer_params(params).map([](const auto&) {});
  };
  s.types.types[clock_type] =
      builtin_factory([](service_context context, const builtin_setup& setup) {
        return std::make_unique<queue_clock>(std::move(context), setup);
      });
  s.types.types[program_type] =
      builtin_factory([](service_context context, const builtin_setup& setup) {
        return std::make_unique<program_adapter>(std::move(context), setup);
      });

  CLI::App flags{"A program built on sm: it runs its services as processes and serves HTTP."};
  std::vector<std::string> sets;
  std::string listen, state_path, level, config_file;
  bool list = false;
  auto option = [&](const char* name, auto& value) {
    flags.add_option(name, value, flag_doc(name));
  };
  option("--config", config_file);
  flags.add_flag("--check", s.check_only, flag_doc("--check"));
  option("--listen", listen);
  option("--state", state_path);
  option("--log-level", level);
  option("--set", sets);
  flags.add_flag("--list-settings", list, flag_doc("--list-settings"));
  flags.set_version_flag("--version", "sm " SM_VERSION);
  try {
    flags.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    s.exit_at_once = flags.exit(e) == 0 ? 0 : 2;
    return;
  }
  if (s.argv != given) ::setproctitle("-%s", fmt::format("{}", fmt::join(s.argv, " ")).c_str());
  const char* variable = std::getenv("SM_CONFIG");
  if (flags.count("--config") == 0 && variable) config_file = variable;
  if (!config_file.empty()) s.config_file = std::filesystem::absolute(config_file);
  if (flags.count("--config") > 0 && config_file.empty())
    s.mistakes.push_back({errc::bad_arguments, "needs the path of a file", "--config"});
  if (flags.count("--listen") > 0) s.overrides.emplace_back("http.listen", listen);
  if (!state_path.empty()) s.overrides.emplace_back("manager.state", state_path);
  if (!level.empty()) s.overrides.emplace_back("manager.log_level", level);
  for (auto& pair : sets) {
    auto equals = pair.find('=');
    if (equals == pair.npos)
      s.mistakes.push_back({errc::bad_arguments, "write KEY=VALUE", "--set " + pair});
    else
      s.overrides.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  if (list) {
    for (auto& [key, value] : list_config(s.settings))
      std::printf("%s=%s\n", key.c_str(), value.c_str());
    s.exit_at_once = 0;
  }
}

server::~server() = default;

config& server::settings() { return state_->settings; }

void server::add_type(const std::string& name, detail::service_factory factory) {
  if (!valid_name(name))
    state_->mistakes.push_back(
        {errc::invalid_spec, "'" + name + "' is no name for a type", "type"});
  else if (!state_->types.types.try_emplace(name, std::move(factory)).second)
    state_->mistakes.push_back(
        {errc::conflict, "the type '" + name + "' is registered twice", "type"});
}

void server::add_actor_type(const std::string& name,
                            std::shared_ptr<const detail::actor_factory> factory) {
  if (!state_->types.types.try_emplace(name, std::move(factory)).second)
    state_->mistakes.push_back(
        {errc::conflict, "the type '" + name + "' is registered twice", "actor"});
}

bool server::reserve_job(const std::string& name) {
  if (name.empty())
    state_->mistakes.push_back({errc::invalid_spec, "a job type needs a name", "job"});
  else if (state_->types.jobs->contains(name))
    state_->mistakes.push_back(
        {errc::conflict, "the job type '" + name + "' is registered twice", "job"});
  else {
    state_->job_types.push_back(name);
    return true;
  }
  return false;
}

job_registry& server::jobs() { return *state_->types.jobs; }

void server::service(service_spec spec) {
  auto& all = state_->code.services;
  auto where = "service '" + spec.name + "'";
  if (std::any_of(all.begin(), all.end(), [&](auto& s) { return s.name == spec.name; })) {
    state_->mistakes.push_back({errc::conflict, "there are two services of this name", where});
    return;
  }
  all.push_back(std::move(spec));  // declare() judges it
}

void server::group(group_spec spec) {
  auto& all = state_->code.groups;
  auto where = "group '" + spec.name + "'";
  if (!valid_name(spec.name))
    state_->mistakes.push_back({errc::invalid_spec, "is no name for a group", where});
  else if (std::any_of(all.begin(), all.end(), [&](auto& g) { return g.name == spec.name; }))
    state_->mistakes.push_back({errc::conflict, "there are two groups of this name", where});
  else
    all.push_back(std::move(spec));
}

void server::consumer(consumer_spec spec) { state_->code.consumers.push_back(std::move(spec)); }

void server::schedule(schedule_spec spec) {
  auto& all = state_->code.schedules;
  auto where = "schedule '" + spec.name + "'";
  if (auto ok = validate(spec); !ok)
    state_->mistakes.push_back(
        {ok.error().code, ok.error().detail, where + " " + ok.error().where});
  else if (std::any_of(all.begin(), all.end(), [&](auto& s) { return s.name == spec.name; }))
    state_->mistakes.push_back({errc::conflict, "there are two schedules of this name", where});
  else
    all.push_back(std::move(spec));
}

void server::limit(const std::string& queue, queue_limits limits) {
  if (!valid_queue_name(queue))
    state_->mistakes.push_back({errc::invalid_spec, "is no queue name", "queue '" + queue + "'"});
  else if (limits.period.count() < 1)
    state_->mistakes.push_back(
        {errc::invalid_spec, "the period must be over 0", "queue '" + queue + "'"});
  else
    state_->code.limits[queue] = limits;
}

void server::route(const std::string& method, const std::string& pattern, route_handler handler,
                   route_types types, route_options options) {
  auto added = state_->routes.add(
      method, pattern,
      {std::move(handler), route_access::user, method + " " + pattern, options.role});
  if (!added) state_->mistakes.push_back(added.error());
  state_->own_routes.push_back({method, pattern, std::move(types), options.role});
}

int server::run() {
  auto& s = *state_;
  if (s.exit_at_once >= 0) return s.exit_at_once;
  const char *forks = std::getenv(fork_server_variable), *jobs = std::getenv(job_server_variable);
  if (forks || jobs || s.check_only)
    clear_signal_state();
  else
    hold_end_signals();
  if (forks) return run_fork_server(s, forks);
  if (jobs) return run_job_server(s, jobs);

  auto declared = declare(s);
  declared.errors.insert(declared.errors.begin(), s.mistakes.begin(), s.mistakes.end());
  for (auto& mistake : declared.errors) report(mistake);
  std::fputs(describe(declared.mistakes).c_str(), stderr);
  if (!declared.good()) return declared.mistakes.empty() ? exit_usage : exit_bad_config;
  if (s.check_only) {
    for (auto& doubt : doubts(declared.settings))
      std::fprintf(stderr, "warning: %s\n", doubt.c_str());
    if (auto ok = would_start(declared.settings); !ok) {
      report(ok.error());
      return exit_bad_config;
    }
    std::printf("%s\n", s.config_file.empty() ? "ok" : (s.config_file.string() + ": ok").c_str());
    return 0;
  }
  return run_manager(s, std::move(declared));
}

namespace detail {
void add_message_registration(server_state& state,
                              std::function<void(caf::actor_system_config&)> add) {
  state.types.messages.push_back(std::move(add));
}
}  // namespace detail

}  // namespace sm
