// The program's entry: it registers types, jobs, routes and services, and run() does the rest.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <sm/config.hpp>
#include <sm/http.hpp>
#include <sm/job.hpp>
#include <sm/manager.hpp>
#include <sm/schedule.hpp>
#include <sm/service.hpp>
#include <sm/service_spec.hpp>
#include <string>

namespace sm {

namespace detail {
struct server_state;
using service_factory = std::function<std::unique_ptr<service>(service_context)>;
struct actor_factory;
}  // namespace detail

/// Consumers of the queue: an ordinary service called "consumer.NAME". With consumers comes the
/// service "queue.clock", which makes delayed jobs ready and fires schedules.
struct consumer_spec {
  std::string name = "default";
  std::vector<std::string> queues{"*"};  ///< by priority: names, `*`, globs, `!name` leaves out
  unsigned instances = 1;                ///< processes; with `max` it begins with `min`
  unsigned concurrency = 1;              ///< jobs at a time in each process
  bool isolate = false;                  ///< each job in a process of its own, as Resque has it
  /// For jobs in hand when it is stopped; what is not done by then is handed back unharmed.
  std::chrono::milliseconds drain{5'000};
  /// With `max` > 0 the number of processes follows the work: more while the oldest job waits for
  /// longer than `latency`, one less after `cool_down` without waiting jobs.
  unsigned min = 0, max = 0;
  std::chrono::milliseconds latency{2'000};
  std::chrono::milliseconds cool_down{30'000};
};

/// Registration mistakes (a name used twice, a malformed route, parameters that do not fit) are
/// collected and reported together by run(), which then returns 2 and starts nothing; for those of
/// the configuration file it returns 78.
class server {
 public:
  /// Reads --config FILE, --check, --listen, --state, --set KEY=VALUE, --help and --version, and
  /// the SM_SECTION__KEY variables.
  server(int argc, char** argv);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Defaults of the program; flags and environment win over them.
  config& settings();

  /// Registers the service type `name`; `T` is constructible from a `service_context`.
  template <class T>
  void type(const std::string& name) {
    add_type(name, [](service_context context) { return std::make_unique<T>(std::move(context)); });
  }

  /// Registers a plain CAF behavior function as a type and a service of one instance, both called
  /// `name`. Include <sm/caf.hpp> to use it.
  template <class F>
  void actor(const std::string& name, F behavior_function);

  /// Registers a message type of yours that crosses processes. Include <sm/caf.hpp> to use it.
  template <class T>
  void message(const std::string& name);

  /// Registers the job type `Job` under its name in the queue. With the first one comes a consumer
  /// called "consumer.default", unless you declare consumers yourself.
  template <class Job>
  void job(const std::string& name, job_options options = {}) {
    if (reserve_job(name)) jobs().add<Job>(name, options);
  }
  /// Called around jobs of all types.
  void hooks(job_hooks hooks) { jobs().add_hooks(std::move(hooks)); }

  void service(service_spec spec);
  void consumer(consumer_spec spec);
  /// A job that recurs by a cron line.
  void schedule(schedule_spec spec);
  /// Limits of a queue, over all consumers of all hosts.
  void limit(const std::string& queue, queue_limits limits);
  /// Ties the services whose `group` has this name together.
  void group(group_spec spec);

  /// Routes: `:name` captures one segment, `*name` the rest. See `make_route_handler` for what a
  /// handler takes and returns. Handlers run on the gateway's event loop and must not block.
  /// `options` may ask for a role: `app.get("/api/cost", handler, {.role = sm::api_role::admin})`.
  template <class F>
  void get(const std::string& pattern, F handler, route_options options = {}) {
    add_route("GET", pattern, std::move(handler), options);
  }
  template <class F>
  void post(const std::string& pattern, F handler, route_options options = {}) {
    add_route("POST", pattern, std::move(handler), options);
  }
  template <class F>
  void put(const std::string& pattern, F handler, route_options options = {}) {
    add_route("PUT", pattern, std::move(handler), options);
  }
  template <class F>
  void patch(const std::string& pattern, F handler, route_options options = {}) {
    add_route("PATCH", pattern, std::move(handler), options);
  }
  template <class F>
  void del(const std::string& pattern, F handler, route_options options = {}) {
    add_route("DELETE", pattern, std::move(handler), options);
  }
  /// Any method. `types` are what /v1/openapi.json tells of it.
  void route(const std::string& method, const std::string& pattern, route_handler handler,
             route_types types = {}, route_options options = {});

  /// Runs until SIGTERM or SIGINT and returns the exit code. In a process that the manager started
  /// it runs that process's service instead.
  int run();

 private:
  template <class F>
  void add_route(const std::string& method, const std::string& pattern, F handler,
                 route_options options) {
    route(method, pattern, make_route_handler(std::move(handler)), detail::types_of_route<F>(),
          options);
  }
  void add_type(const std::string& name, detail::service_factory factory);
  void add_actor_type(const std::string& name,
                      std::shared_ptr<const detail::actor_factory> factory);
  bool reserve_job(const std::string& name);
  job_registry& jobs();
  detail::server_state& state() { return *state_; }

  std::unique_ptr<detail::server_state> state_;
};

}  // namespace sm
