#include <unistd.h>

#include <algorithm>
#include <array>

#include "builtin/queue_clock.hpp"
#include "config/secrets.hpp"
#include "http/access_rules.hpp"
#include "http/listen_endpoint.hpp"
#include "process/identity.hpp"
#include "process/system_call_filter.hpp"
#include "program/server_state.hpp"
#include "queue/consumer/consumer_declaration.hpp"
#include "queue/job_store.hpp"
#include "service/selector.hpp"
#include "system/system_error.hpp"
#include "telemetry/otlp_client.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

/// `docker stop` kills after ten seconds.
constexpr std::chrono::seconds shutdown_timeout_in_container{9};

service_spec clock_service(const std::string& program, const declarations& d) {
  service_spec spec;
  spec.name = clock_name;
  spec.type = clock_type;
  spec.params = clock_params(program, d.schedules, d.limits);
  spec.group = builtin_group;
  // As long as the store cannot be opened, on a full disk, say, it is tried.
  spec.intensity = {.restarts = 1000, .window = std::chrono::minutes(1)};
  spec.backoff.max = std::chrono::seconds(1);
  return spec;
}

config settings_of(const detail::server_state& program, const configuration& file,
                   std::vector<error>& errors) {
  auto settings = program.settings;
  if (::getpid() == 1 && settings.manager.shutdown_timeout == manager_config{}.shutdown_timeout)
    settings.manager.shutdown_timeout = shutdown_timeout_in_container;
  auto note = [&](result<void> ok) {
    if (!ok) errors.push_back(std::move(ok.error()));
  };
  for (auto& [key, value] : file.settings) note(set_config_value(settings, key, value));
  for (auto variable = environ; variable && *variable; ++variable) {
    const std::array<const char*, 2> alone{*variable, nullptr};
    note(apply_environment(settings, alone.data()));  // each by itself: all mistakes are told
  }
  for (auto& [key, value] : program.overrides) note(set_config_value(settings, key, value));
  note(read_secret_files(settings));
  return settings;
}

/// What only the start would refuse otherwise. A mistake of the file is told with its place.
void check_addresses(const config& settings, configuration& file, std::vector<error>& errors) {
  auto note = [&](const std::string& key, const std::string& value, error e) {
    auto& given = file.settings;
    auto section = key.substr(0, key.find('.')), name = key.substr(key.find('.') + 1);
    if (std::find(given.begin(), given.end(), std::pair(key, value)) != given.end())
      file.refuse("/" + section + "/" + name, std::move(e.detail));
    else
      errors.push_back({e.code, std::move(e.detail), key});
  };
  if (auto& listen = settings.http.listen; !listen.empty())
    if (auto where = listen_endpoint(settings.http); !where)
      note("http.listen", listen, std::move(where.error()));
  if (auto rules = read_access_rules(settings.http, system_accounts()); !rules) {
    auto& key = rules.error().where;
    for (auto& [name, value] : list_config(settings))
      if (name == key) note(key, value, rules.error());
  }
  if (auto& to = settings.trace.endpoint; !to.empty())
    if (auto ok = read_otlp_endpoint(to); !ok) note("trace.endpoint", to, std::move(ok.error()));
  if (auto& url = settings.queue.url; !url.empty())
    if (auto ok = check_queue_url(url); !ok) note("queue.url", url, std::move(ok.error()));
}

}  // namespace

declared_program declare(const detail::server_state& program) {
  declared_program all;
  configuration file;
  file.wanted = program.code;
  if (!program.config_file.empty())
    file = read_configuration(program.config_file, own_config_surroundings(), program.code);
  auto of_file = [&](const std::string& name) {
    auto& names = file.services_of_file;
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  auto refuse = [&](const std::string& pointer, const std::string& name, error e) {
    if (of_file(name))
      file.refuse(pointer, std::move(e.detail));
    else
      all.errors.push_back({e.code, std::move(e.detail), "service '" + name + "' " + e.where});
  };
  auto add = [&](service_spec spec, const std::string& pointer) {
    complete(spec);
    auto name = spec.name;
    auto ok = validate(spec);
    if (ok) ok = check_type(program.types, spec);
    if (ok) ok = check_system_call_filter(spec.system_call_filter);
    if (ok && std::any_of(all.services.begin(), all.services.end(),
                          [&](auto& other) { return other.spec.name == name; }))
      ok = fail(errc::conflict, "there are two services of this name");
    if (!ok) return refuse(pointer + ok.error().where, name, ok.error());
    all.services.push_back(
        {std::move(spec), of_file(name) ? service_origin::file : service_origin::code});
  };
  auto& wanted = file.wanted;
  if (wanted.consumers.empty() && !program.types.jobs->empty()) wanted.consumers.push_back({});
  for (auto& spec : wanted.services) add(spec, "/service" + pointer_to(spec.name));
  for (auto& c : wanted.consumers) {
    auto pointer = "/consumer" + pointer_to(c.name);
    // It would take every job of its queues, and bury it.
    if (program.types.jobs->empty())
      refuse(pointer, to_service(c).name,
             {errc::invalid_spec, "this program knows no type of job, so it can perform none", ""});
    else
      add(to_service(c), pointer);
  }
  all.settings = settings_of(program, file, all.errors);
  check_addresses(all.settings, file, all.errors);
  if (!wanted.consumers.empty() || !wanted.schedules.empty() || !wanted.limits.empty() ||
      file.queue_section || !all.settings.queue.url.empty())
    add(clock_service(program.program, wanted), "");
  file.sort_mistakes();
  all.mistakes = std::move(file.mistakes);
  all.queue = std::move(file.wanted);
  all.queue.services = {};  // those are in all.services, complete
  return all;
}

result<void> would_start(const config& settings) {
  auto& http = settings.http;
  if (!http.tls_key.empty())
    if (auto opened = tls_server::open(tls_files_of(http)); !opened)
      return tl::unexpected<error>(opened.error());
  if (http.socket.empty()) return {};
  std::error_code ec;
  auto there = std::filesystem::symlink_status(http.socket, ec);
  if (std::filesystem::exists(there) && !std::filesystem::is_socket(there))
    return fail(errc::unavailable, "what is there is no socket", http.socket.string());
  auto folder = http.socket.parent_path();
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return system_failure("no socket can be made there", folder.string());
  return {};
}

std::vector<std::string> doubts(const config& settings) {
  std::vector<std::string> all;
  if (auto rules = read_access_rules(settings.http, system_accounts()))
    for (auto& who : rules->peers.unknown())
      all.push_back("http.socket_roles: there is no " + who + ", who has no role therefore");
  return all;
}

}  // namespace sm
