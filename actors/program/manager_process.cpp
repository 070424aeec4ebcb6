// The manager's process: puts the parts together, runs the loop, and takes them apart in order.
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <future>
#include <thread>

#include "api/management_api.hpp"
#include "builtin/queue_clock.hpp"
#include "link/link_listener.hpp"
#include "log/process_log.hpp"
#include "manager/configuration_keeper.hpp"
#include "manager/daemon_reexec.hpp"
#include "manager/folder_keeper.hpp"
#include "manager/queue_scaler.hpp"
#include "manager/supervisor.hpp"
#include "process/inherited_sockets.hpp"
#include "process/proc_stat.hpp"
#include "process/process_tree.hpp"
#include "process/service_manager.hpp"
#include "process/start_state.hpp"
#include "program/server_state.hpp"
#include "queue/consumer/consumer_params.hpp"
#include "queue/declaration.hpp"
#include "queue/redis/redis_url.hpp"
#include "queue/worker_id.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

int refuse(const error& e) {
  std::fprintf(stderr, "error: %s\n", to_string(e).c_str());
  return traits(e.code).exit_code;
}

/// The manager as handlers see it; callable from any thread.
class manager_facade : public manager {
 public:
  manager_facade(loop& l, supervisor& s, queue q)
      : loop_(l), supervisor_(s), queue_(std::move(q)) {}

  promise<json_text> send_text(const std::string& service, const std::string& command,
                               std::string arguments, std::chrono::milliseconds timeout) override {
    return in_loop([this, c = to(service, command, std::move(arguments), timeout)] {
      return supervisor_.commands().send(c);
    });
  }
  promise<json_text> broadcast_text(const std::string& select, const std::string& command,
                                    std::string arguments,
                                    std::chrono::milliseconds timeout) override {
    return in_loop([this, c = to(select, command, std::move(arguments), timeout)] {
      return supervisor_.commands().broadcast(c);
    });
  }
  void tell(const std::string& service, const std::string& command,
            const json& arguments) override {
    (void)send_text(service, command, print_json(arguments), 0ms);
  }
  const queue& jobs() const override { return queue_; }

 private:
  static call to(const std::string& target, const std::string& command, std::string arguments,
                 std::chrono::milliseconds timeout) {
    return {.target = target,
            .command = command,
            .arguments = std::move(arguments),
            .timeout = timeout,
            .caller = "program"};
  }

  template <class F>
  promise<json_text> in_loop(F f) {
    if (loop_.in_loop()) return f();
    promise<json_text> answer;
    loop_.defer([answer, f] {
      f().then([answer](result<json_text> outcome) { answer.set(std::move(outcome)); });
    });
    return answer;
  }

  loop& loop_;
  supervisor& supervisor_;
  queue queue_;
};

/// What an earlier manager journaled and may still run. Rows of another boot are dropped: their
/// processes are gone, and their pids mean somebody else.
result<std::vector<journaled_instance>> left_instances(state_store& store, const logger& log) {
  auto left = store.instances();
  if (!left) return tl::unexpected<error>(left.error());
  for (auto& row : left->unreadable)
    log.error("the journaled process {} is not adopted: {}", row.name, to_string(row.reason));
  // On a full disk they are still there for the next manager, to whom they mean as little.
  for (auto& row : left->rows)
    if (row.boot != boot_id()) (void)store.remove_instance(row.name, row.incarnation);
  std::erase_if(left->rows, [](auto& row) { return row.boot != boot_id(); });
  return std::move(left->rows);
}

/// What is wanted, but for rows that cannot be read: those stay as they are.
result<void> put_readable(state_store& store, std::vector<desired_service> wanted,
                          const std::vector<unreadable_row>& unreadable) {
  std::erase_if(wanted, [&](auto& row) {
    return std::any_of(unreadable.begin(), unreadable.end(),
                       [&](auto& other) { return other.name == row.spec.name; });
  });
  return store.put_services(wanted);
}

/// The services whose files in the state folder are somebody's.
std::set<std::string> names_of(const std::vector<desired_service>& wanted,
                               const std::vector<unreadable_row>& unreadable,
                               const std::vector<journaled_instance>& left) {
  std::set<std::string> names;
  for (auto& service : wanted)
    if (!service.removed) names.insert(service.spec.name);
  for (auto& row : unreadable) names.insert(row.name);
  for (auto& row : left) names.insert(row.spec.name);
  return names;
}

/// One name for each state folder.
std::string cgroup_name(const state_folder& folder) {
  return fmt::format("sm-{:016x}", std::hash<std::string>{}(folder.path().string()));
}

/// Ends what no journal knows any more.
void end_strangers(const cgroup_root& cgroups, const std::vector<journaled_instance>& known) {
  for (auto& run : cgroups.runs())
    if (std::none_of(known.begin(), known.end(), [&](auto& row) {
          return run == row.name + "." + std::to_string(row.incarnation);
        }))
      cgroups.end(run);
}

/// Calls `close`, which makes files whole, for as long as that may take a store that answers.
void close_files(std::function<void()> close) {
  auto closed = std::make_shared<std::promise<void>>();
  std::thread([closed, close = std::move(close)] {
    close();
    closed->set_value();
  }).detach();
  closed->get_future().wait_for(3s);
}

/// Stops in order when told to: the gateway finishes its requests, then the services stop, then the
/// loop ends. A second signal hurries; past the deadline everything is killed.
class shutdown_sequence {
 public:
  shutdown_sequence(supervision& s, supervisor& services, gateway& http,
                    const service_manager& above)
      : s_(s),
        services_(services),
        gateway_(http),
        above_(above),
        signals_(s.events.context(), SIGTERM, SIGINT),
        deadline_(s.events.context()) {
    await_signal();
  }

  const bool& under_way() const noexcept { return under_way_; }

  void begin() {
    if (std::exchange(under_way_, true)) return;
    s_.ending = true;
    above_.tell("STOPPING=1\nSTATUS=stopping the services");
    auto patience = s_.settings.manager.shutdown_timeout;
    deadline_.expires_after(patience);
    deadline_.async_wait([this](error_code ec) {
      if (ec) return;
      s_.log.error("not stopped within the shutdown timeout: killing what is left");
      services_.hurry();
    });
    gateway_.drain(std::min<std::chrono::milliseconds>(patience / 4, 5s), [this] {
      services_.shutdown([this] {
        deadline_.cancel();
        error_code ignored;
        signals_.cancel(ignored);
        s_.events.stop();
      });
    });
  }

 private:
  void await_signal() {
    signals_.async_wait([this](error_code ec, int number) {
      if (ec) return;
      await_signal();
      if (under_way_) {
        s_.log.warn("a second signal: killing what is left");
        services_.hurry();
        gateway_.close_all();
        return;
      }
      s_.log.info("{}: shutting down", number == SIGINT ? "SIGINT" : "SIGTERM");
      begin();
    });
  }

  supervision& s_;
  supervisor& services_;
  gateway& gateway_;
  const service_manager& above_;
  asio::signal_set signals_;
  asio::steady_timer deadline_;
  bool under_way_ = false;
};

/// Tells the service manager above that this loop turns, as often as it wants to hear it.
class life_sign {
 public:
  life_sign(loop& l, const service_manager& above) : above_(above), timer_(l.context()) {
    if (above_.watchdog().count() > 0) beat();
  }

 private:
  void beat() {
    above_.tell("WATCHDOG=1");
    timer_.expires_after(above_.watchdog() / 2);
    timer_.async_wait([this](error_code ec) {
      if (!ec) beat();
    });
  }

  const service_manager& above_;
  asio::steady_timer timer_;
};

/// Collects what has ended, and ends what is ours and belongs to nobody. PID 1 gets the orphans of
/// others, too, of who entered the container: they are left alone, and collected when they have
/// ended and nobody else waits for them: whoever does has done so by the second look.
class child_collector {
 public:
  explicit child_collector(supervision& s)
      : s_(s), signals_(s.events.context(), SIGCHLD), again_(s.events.context()) {
    await();
  }

 private:
  void await() {
    signals_.async_wait([this](error_code ec, int) {
      if (ec) return;
      if (::getpid() != 1 || s_.reaper.busy())
        s_.reaper.end_orphans();
      else
        s_.forks.collect_earlier();
      if (::getpid() == 1) look_again();
      await();
    });
  }
  void look_again() {
    again_.expires_after(1s);
    again_.async_wait([this](error_code ec) {
      if (ec) return;
      auto ended = ended_children();
      std::erase_if(ended, [this](pid_t pid) { return s_.processes.process(pid) != nullptr; });
      for (auto pid : ended)
        if (std::find(seen_.begin(), seen_.end(), pid) != seen_.end())
          ::waitpid(pid, nullptr, WNOHANG);
      seen_ = std::move(ended);
      if (!seen_.empty()) look_again();
    });
  }

  supervision& s_;
  asio::signal_set signals_;
  asio::steady_timer again_;
  std::vector<pid_t> seen_;
};

/// SIGHUP: the file is read again and carried out, and who started the manager is told.
class reload_on_hangup {
 public:
  reload_on_hangup(supervision& s, configuration_keeper& file, const service_manager& above)
      : s_(s), file_(file), above_(above), signals_(s.events.context(), SIGHUP) {
    await();
  }

 private:
  void await() {
    signals_.async_wait([this](error_code ec, int) {
      if (ec) return;
      reload();
      await();
    });
  }
  void reload() {
    if (!file_.has_file()) {
      s_.log.info("SIGHUP: there is no configuration file to read again");
      return;
    }
    s_.log.info("SIGHUP: the configuration file is read again");
    above_.tell_reloading();
    file_.apply(std::nullopt, false, {}).then([this](const result<json>& outcome) {
      std::string status = "the configuration is applied";
      if (!outcome)
        status = "the configuration is not applied: " + to_string(outcome.error());
      else if (!outcome->at("complete").get<bool>())
        status = "the configuration is applied in part";
      if (status.ends_with("applied"))
        s_.log.info("{}", status);
      else
        s_.log.error("{}", status);
      above_.tell("READY=1\nSTATUS=" + status_line(status));
    });
  }

  supervision& s_;
  configuration_keeper& file_;
  const service_manager& above_;
  asio::signal_set signals_;
};

/// The limits that the program declared when it ran before.
std::map<std::string, queue_limits> declared_before(const std::vector<desired_service>& stored) {
  std::map<std::string, queue_limits> limits;
  for (auto& row : stored) {
    if (row.spec.name != clock_name || !row.declared) continue;
    auto& params = row.declared->params;
    auto all = params.is_object() ? params.value("limits", json::object()) : json::object();
    for (auto& entry : all.items()) limits[entry.key()] = {};
  }
  return limits;
}

void say_doubts(const declarations& wanted, const std::vector<std::string>& job_types,
                const logger& log) {
  queue_declaration declared{
      .schedules = wanted.schedules, .limits = wanted.limits, .job_types = job_types};
  for (auto& c : wanted.consumers)
    declared.queues.insert(declared.queues.end(), c.queues.begin(), c.queues.end());
  for (auto& doubt : doubts(declared)) log.warn("{}", doubt);
}

}  // namespace

int run_manager(detail::server_state& program, declared_program declared) {
  auto settings = declared.settings;
  auto above = service_manager::from_environment();
  auto inherited = take_inherited_sockets();
  auto earlier_fork_servers = take_earlier_fork_servers();
  if (settings.manager.state.empty()) {
    auto place = default_state_path(program.program, own_surroundings());
    if (!place) return refuse(place.error());
    settings.manager.state = std::move(*place);
  }
  raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);  // until the file can be applied
  // Service processes are children of the fork server; should that be killed, they become ours.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

  auto folder = state_folder::open(settings.manager.state);
  if (!folder) return refuse(folder.error());
  auto token = folder->token();
  if (!token) return refuse(token.error());
  auto log = open_log({.file = folder->log_folder() / "manager.log",
                       .instance = "manager",
                       .level = settings.manager.log_level,
                       .to_stderr = true});
  log_caught_to(log);
  say_doubts(declared.queue, program.job_types, log);
  auto fork_secret = folder->secret("forks");
  if (!fork_secret) log.warn("fork servers are not adopted: {}", to_string(fork_secret.error()));
  auto store = state_store::open(folder->path() / "state.db");
  if (!store) return refuse(store.error());
  auto stored = store->services();
  if (!stored) return refuse(stored.error());
  auto left = left_instances(*store, log);
  if (!left) return refuse(left.error());
  if (settings.queue.url.empty())
    settings.queue.url = "sqlite:" + (folder->path() / "queue.db").string();

  if (auto ok = check_queue_url(settings.queue.url); !ok) return refuse(ok.error());

  caf::actor_system_config caf_config;
  caf_config.load<caf::io::middleman>();
  configure(caf_config);
  register_messages(caf_config);
  for (auto& add : program.types.messages) add(caf_config);
  loop events;
  int multiplexer_fd = -1;
  auto caf_system = make_loop_system(caf_config, multiplexer_fd);
  auto& system = *caf_system;
  events.drive(system, multiplexer_fd);

  queue_view jobs(settings.queue.url, settings.queue, log);
  queue_view searches(settings.queue.url, settings.queue, log);  // may take long
  queue_view releases(settings.queue.url, settings.queue, log);  // wait behind nobody's question
  cgroup_root cgroups;
  if (std::string why; settings.manager.cgroups != "never") {
    cgroups = cgroup_root::make(cgroup_name(*folder), why);
    if (!cgroups && settings.manager.cgroups == "always")
      log.warn("manager.cgroups=always, but instances get no control groups: {}", why);
  }
  end_strangers(cgroups, *left);
  auto fork_token = fork_secret.value_or(random_hex(32));
  fork_client forks(events, log, program.argv,
                    {.state_folder = folder->path().string(),
                     .orphan_grace_ms = settings.manager.orphan_grace.count(),
                     .cgroups = cgroups.path().string(),
                     .token = fork_token,
                     .descriptors = descriptor_limit_at_start()});
  forks.know_as_ours(earlier_fork_servers);
  supervision shared(events, system, settings, *folder, log, *store, forks, cgroups, fork_token);
  if (!cgroups.limits_memory()) shared.limits.start();
  supervisor services(shared, program.types, declared.queue.groups,
                      [&](const std::string& type, const json& params, pid_t pid) {
                        if (type != consumer_type) return;
                        // Parameters that do not fit never made a consumer, so there is nothing to
                        // release.
                        if (auto fits = read_consumer_params(params))
                          releases.release(worker_id(pid, fits->queues));
                      });
  manager_facade facade(events, services,
                        queue(settings.queue.url, settings.queue, program.types.jobs));
  queue_scaler scaler(events, services, jobs, log);
  gateway http(events, settings.http, log, program.routes, facade);
  http.inherit(std::move(inherited));
  event_streams streams(shared.recent);
  shared.on_event = [&] { streams.on_event(); };
  log_service logs(events, folder->log_folder());
  shutdown_sequence shutdown(shared, services, http, above);
  life_sign beat(events, above);

  auto limits_before = declared_before(stored->rows);
  auto declared_services = std::exchange(declared.services, {});
  configuration_keeper::read_declared read_again;
  if (!program.config_file.empty()) read_again = [&program] { return declare(program); };
  configuration_keeper configuration(events, services, jobs, read_again, std::move(declared), log);
  daemon_reexec reexec(shared, http, above, program.given_argv);
  reload_on_hangup hangup(shared, configuration, above);

  management_parts parts{.services = services,
                         .jobs = jobs,
                         .searches = searches,
                         .events = streams,
                         .logs = logs,
                         .tallies = shared.tallies,
                         .configuration = configuration,
                         .reexec = reexec,
                         .program = program.program,
                         .own_routes = program.own_routes,
                         .log_folder = folder->log_folder(),
                         .programs_over_tcp = settings.http.programs,
                         .shutting_down = shutdown.under_way()};
  if (auto ok = add_management_routes(program.routes, parts); !ok) return refuse(ok.error());
  if (!settings.http.listen.empty())
    if (auto ok = http.listen_tcp(*token); !ok) return refuse(ok.error());
  if (auto ok = http.listen_unix(folder->path() / "sm.sock"); !ok) return refuse(ok.error());

  child_collector children(shared);
  auto wanted = merge_declared(stored->rows, declared_services);
  if (wanted != stored->rows)
    if (auto ok = put_readable(*store, wanted, stored->unreadable); !ok)
      log.error(
          "what the program declares is not written down, and is looked at again at the next "
          "start: {}",
          to_string(ok.error()));
  // No earlier manager can have counted as far as the milliseconds of the clock.
  shared.processes.count_from(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count()));
  for (auto& row : *left) shared.processes.count_from(row.incarnation + 1);
  link_listener links(events, log, [&](received_greeting& greeting, const peer& who) {
    return shared.adoption.on_greeting(greeting, who);
  });
  folder_keeper keeper(events, log, *folder, shared.journal.disk(), settings.log.keep_removed);
  keeper.drop_unknown(names_of(wanted, stored->unreadable, *left));
  shared.on_removed = [&](auto& service, auto done) { keeper.on_removed(service, done); };
  if (auto ok = services.start(std::move(wanted), *left, stored->unreadable); !ok)
    return refuse(ok.error());
  if (auto ok = links.listen(folder->path() / "link.sock"); !ok) return refuse(ok.error());
  if (auto ok = folder->write_file("http", http.address() + "\n"); !ok) {
    std::error_code ignored;  // the address of an earlier manager would mislead
    std::filesystem::remove(folder->path() / "http", ignored);
    log.warn("the address is in no file: {}", to_string(ok.error()));
  }
  configuration.drop_limits(limits_before);
  keeper.watch([&] {
    logs.on_folder_made();
    for (auto& restored : {http.restore_unix(), links.restore()})
      if (!restored) log.error("{}", to_string(restored.error()));
  });
  log.info("{} serves http://{} and {}; the token is in {}", program.program, http.address(),
           (folder->path() / "sm.sock").string(), (folder->path() / "token").string());

  above.tell("READY=1\nMAINPID=" + std::to_string(::getpid()) + "\nSTATUS=" +
             status_line("serves " + (http.address().empty() ? std::string("the Unix socket")
                                                             : "http://" + http.address())));

  // What was read is not needed any more: the heap of the start goes back to the system.
  declared_services = {};
  *stored = {};
  *left = {};
  ::malloc_trim(0);
  events.run();

  if (!reexec.wanted()) forks.close();
  shared.journal.stop();
  shared.janitor.stop();
  if (!reexec.wanted()) cgroups.remove();
  // Whoever closes a database last leaves it whole, without its WAL.
  close_files([&] {
    facade.jobs().close();
    jobs.close();
    releases.close();
    auto closed = std::move(*store);
  });
  if (reexec.wanted()) {
    auto refused = reexec.execute();
    // The services wait for the next manager.
    log.error("{}", to_string(refused));
    ::_exit(traits(refused.code).exit_code);
  }
  log.info("stopped");
  std::fflush(nullptr);
  // ~actor_system may wait for ever; every process, file and socket of ours has been closed in
  // order.
  ::_exit(0);
}

}  // namespace sm
