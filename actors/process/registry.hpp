// What a program registered: read by the manager and, after the fork, by each service process.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <sm/caf.hpp>
#include <sm/job.hpp>
#include <sm/service_spec.hpp>
#include <string>
#include <variant>
#include <vector>

#include "log/log_file.hpp"
#include "process/process_settings.hpp"
#include "system/exit_status.hpp"

namespace sm {

/// What people see of a program.
struct program_view {
  pid_t main_pid = 0;
  std::string status_text{};  ///< STATUS of sd_notify(3)
  bool reloading = false;     ///< RELOADING=1 came, READY=1 did not yet

  friend bool operator==(const program_view&, const program_view&) = default;
};

/// What the process does for sm's own types beyond what it does for a user's. From any thread.
class builtin_host {
 public:
  virtual ~builtin_host() = default;
  /// The service is not ready yet when it is constructed, but from `set_ready` on. `main_pid` is
  /// the process that people mean by it. From the constructor.
  virtual void hold_ready() = 0;
  virtual void set_ready(pid_t main_pid) = 0;
  /// Lets the process end in that way; `why` is empty when the way says it all, and a `failure` is
  /// one however clean the way is.
  virtual void end(const exit_status& how, std::string why, bool failure) = 0;
  /// When the service is stopped, the process ends in that way.
  virtual void end_stopped(const exit_status& how) = 0;
  /// Tells this manager and each new one what the program is and says of itself.
  virtual void show(program_view view) = 0;
  /// The program needs so much longer to start or to stop. While it stops, too.
  virtual void extend_timeout(std::chrono::milliseconds by) = 0;
  /// While it is false the process gives no sign of life. From the constructor.
  virtual void answer_pings_while(std::function<bool()> alive) = 0;
  /// Takes the signals that operators send. From the constructor.
  virtual void on_signal(std::function<void(int)> f) = 0;
  /// Calls `f`, in the main thread, for these signals from then on, whoever sends them; a SIGTERM
  /// stops the service as well. From the constructor.
  virtual void take_signals(const std::vector<int>& numbers, std::function<void(int)> f) = 0;
  /// Tells people who watch /v1/events; lost when there is no manager.
  virtual void publish(std::string type, const json& data) = 0;
  /// Tells the manager what the process has counted since its start: `job_tallies`, encoded. Told
  /// again to each new manager.
  virtual void report(std::string tallies) = 0;
  /// The listening sockets of the service, in the order of its specification.
  virtual std::vector<int> sockets() = 0;
};

/// What the types of sm itself are made with besides their context.
struct builtin_setup {
  const service_spec& spec;
  const process_settings& settings;
  const std::filesystem::path& state_folder;
  std::shared_ptr<log_file> log;  ///< what the context's logger writes to
  builtin_host& host;
};

using builtin_factory =
    std::function<std::unique_ptr<service>(service_context, const builtin_setup&)>;

using type_factory = std::variant<detail::service_factory,
                                  std::shared_ptr<const detail::actor_factory>, builtin_factory>;

struct registry {
  std::map<std::string, type_factory> types;
  /// What the parameters of a type must be, where that is known before it is made: `invalid_spec`
  /// names the field at fault.
  std::map<std::string, std::function<result<void>(const json&)>> params_checks;
  std::shared_ptr<job_registry> jobs = std::make_shared<job_registry>();
  std::vector<std::function<void(caf::actor_system_config&)>> messages;
};

/// Fails with `unknown_type` for a type that is not registered, and with what its parameters must
/// be.
inline result<void> check_type(const registry& types, const service_spec& spec) {
  if (auto check = types.params_checks.find(spec.type); check != types.params_checks.end())
    if (auto ok = check->second(spec.params); !ok) return ok;
  if (types.types.contains(spec.type)) return {};
  std::string known;
  for (auto& [name, factory] : types.types)
    if (!name.starts_with("sm.")) known += known.empty() ? name : ", " + name;
  return fail(errc::unknown_type,
              "'" + spec.type + "' is no registered type; there is " +
                  (known.empty() ? std::string("none") : known),
              "/type");
}

}  // namespace sm
