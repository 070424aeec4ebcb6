// The manager's process: puts the parts together, runs the loop, and takes them apart in order.
#include <malloc.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <future>
#include <thread>

#include "api/dashboard.hpp"
#include "api/management_api.hpp"
#include "api/token_keeper.hpp"
#include "builtin/queue_clock.hpp"
#include "gateway/request_logs.hpp"
#include "link/link_listener.hpp"
#include "manager/daemon_reexec.hpp"
#include "manager/folder_keeper.hpp"
#include "manager/queue_historian.hpp"
#include "manager/queue_scaler.hpp"
#include "manager/trace_exporter.hpp"
#include "process/inherited_sockets.hpp"
#include "process/start_state.hpp"
#include "program/manager_facade.hpp"
#include "program/manager_signals.hpp"
#include "program/manager_state.hpp"
#include "program/server_state.hpp"
#include "queue/consumer/consumer_params.hpp"
#include "queue/worker_id.hpp"
#include "system/unchanged_pages.hpp"

namespace sm {
namespace {

/// A start takes less, or has been waiting since long.
constexpr auto settling = std::chrono::seconds(5);

int refuse(const error& e) {
  std::fprintf(stderr, "error: %s\n", to_string(e).c_str());
  return traits(e.code).exit_code;
}

/// Calls `close`, which makes files whole, for as long as that may take a store that answers.
void close_files(const std::function<void()>& close) {
  auto closed = std::make_shared<std::promise<void>>();
  try {
    std::thread([closed, close] {
      close();
      closed->set_value();
    }).detach();
  } catch (const std::system_error&) {  // a limit on tasks
    return close();
  }
  closed->get_future().wait_for(std::chrono::seconds(3));
}

/// CAF on the manager's one loop.
struct runtime {
  explicit runtime(const registry& types) {
    config.load<caf::io::middleman>();
    configure(config);
    register_messages(config);
    for (auto& add : types.messages) add(config);
    int multiplexer_fd = -1;
    system = make_loop_system(config, multiplexer_fd);
    events.drive(*system, multiplexer_fd);
  }

  caf::actor_system_config config;
  loop events;
  std::unique_ptr<caf::actor_system> system;
};

/// What came with the process, of who executed it.
struct inheritance {
  service_manager above = service_manager::from_environment();
  std::vector<inherited_socket> sockets = take_inherited_sockets();
  std::vector<pid_t> fork_servers = take_earlier_fork_servers();
  unique_fd end_signals{};
};

/// The parts, in the order in which they need each other.
class manager_process {
 public:
  manager_process(detail::server_state& program, declared_program declared, config settings,
                  manager_state state, inheritance given);

  /// From here on it is asked, and services run.
  result<void> start();
  /// Until it is told to stop. Does not return.
  [[noreturn]] void run();

 private:
  result<void> serve();
  result<void> start_services();
  void tell_address();
  [[noreturn]] void end();

  fork_server_settings fork_settings() const;
  configuration_keeper::read_declared read_again() const;
  void on_instance_ended(const std::string& type, const json& params, pid_t pid);

  detail::server_state& program_;
  const config settings_;
  manager_state state_;
  inheritance given_;
  logger log_;
  std::map<std::string, queue_limits> limits_before_;
  std::vector<declared_service> declared_services_;
  runtime runtime_;
  loop& events_;
  queue_view jobs_;
  queue_view searches_;  // may take long
  queue_view releases_;  // wait behind nobody's question
  cgroup_root cgroups_;
  fork_client forks_;
  supervision shared_;
  supervisor services_;
  manager_facade facade_;
  queue_scaler scaler_;
  queue_historian historian_;
  trace_exporter traces_;
  request_logs requests_;
  gateway http_;
  token_keeper tokens_;
  dashboard pages_;
  event_streams streams_;
  log_service logs_;
  shutdown_sequence shutdown_;
  life_sign beat_;
  configuration_keeper configuration_;
  daemon_reexec reexec_;
  reload_on_hangup hangup_;
  leave_on_signal leave_;
  link_listener links_;
  folder_keeper keeper_;
  std::optional<child_collector> children_;
  asio::steady_timer settled_;
};

manager_process::manager_process(detail::server_state& program, declared_program declared,
                                 config settings, manager_state state, inheritance given)
    : program_(program),
      settings_(std::move(settings)),
      state_(std::move(state)),
      given_(std::move(given)),
      log_(state_.log),
      limits_before_(declared_before(state_.stored.rows)),
      declared_services_(std::exchange(declared.services, {})),
      runtime_(program.types),
      events_(runtime_.events),
      jobs_(settings_.queue.url, settings_.queue, log_),
      searches_(settings_.queue.url, settings_.queue, log_),
      releases_(settings_.queue.url, settings_.queue, log_),
      cgroups_(open_cgroups(state_, settings_.manager.cgroups)),
      forks_(events_, log_, program.argv, fork_settings()),
      shared_(events_, *runtime_.system, settings_, state_.folder, log_, state_.store, forks_,
              cgroups_, state_.fork_token),
      services_(
          shared_, program.types, declared.queue.groups,
          [this](auto& type, auto& params, pid_t pid) { on_instance_ended(type, params, pid); }),
      facade_(events_, services_, queue(settings_.queue.url, settings_.queue, program.types.jobs)),
      scaler_(events_, services_, jobs_, log_),
      historian_(events_, services_, jobs_, shared_.tallies),
      traces_(events_, settings_.trace, program.program, log_),
      requests_(events_, state_.folder.log_folder(), settings_.log, log_),
      http_(events_, settings_.http, log_, program.routes, facade_),
      tokens_(events_, state_.folder, shared_.journal.disk(), log_,
              [this](std::string_view name) { http_.revoke(name); }),
      pages_(events_, program.routes, http_, tokens_, program.program, log_,
             [this] {
               return services_.any_of([](auto& wanted) {
                 return wanted.spec.name == clock_name || wanted.spec.type == consumer_type;
               });
             }),
      streams_(shared_.recent),
      logs_(events_, state_.folder.log_folder()),
      shutdown_(shared_, services_, http_, given_.above, std::move(given_.end_signals)),
      beat_(events_, given_.above),
      configuration_(events_, services_, jobs_, read_again(), std::move(declared), log_),
      reexec_(shared_, http_, given_.above, program.given_argv),
      hangup_(shared_, configuration_, given_.above, [this] { http_.certificate().renew(); }),
      leave_(shared_, reexec_, shutdown_),
      links_(events_, log_,
             [this](received_greeting& greeting, const peer& who) {
               return shared_.adoption.on_greeting(greeting, who);
             }),
      keeper_(events_, log_, state_.folder, shared_.journal.disk(), settings_.log.keep_removed),
      settled_(events_.context()) {
  forks_.know_as_ours(given_.fork_servers);
  if (!cgroups_.limits_memory()) shared_.limits.start();
  http_.inherit(std::exchange(given_.sockets, {}));
  shared_.on_spans_dropped = [this](auto count) { traces_.count_dropped(count); };
  shared_.on_span = [this](auto from, auto encoded) {
    traces_.add(std::move(from), std::move(encoded));
  };
  shared_.on_event = [this] { streams_.on_event(); };
  shared_.on_removed = [this](auto& service, auto done) { keeper_.on_removed(service, done); };
}

fork_server_settings manager_process::fork_settings() const {
  return {.state_folder = state_.folder.path().string(),
          .orphan_grace_ms = settings_.manager.orphan_grace.count(),
          .cgroups = cgroups_.path().string(),
          .token = state_.fork_token,
          .descriptors = descriptor_limit_at_start()};
}

configuration_keeper::read_declared manager_process::read_again() const {
  if (program_.config_file.empty()) return {};
  return [&program = program_] { return declare(program); };
}

void manager_process::on_instance_ended(const std::string& type, const json& params, pid_t pid) {
  if (type != consumer_type) return;
  // Parameters that do not fit never made a consumer, so there is nothing to release.
  if (auto fits = read_consumer_params(params)) releases_.release(worker_id(pid, fits->queues));
}

result<void> manager_process::start() {
  if (auto ok = serve(); !ok) return ok;
  children_.emplace(shared_);
  if (auto ok = start_services(); !ok) return ok;
  if (auto ok = links_.listen(state_.folder.path() / "link.sock"); !ok) return ok;
  configuration_.drop_limits(limits_before_);
  auto restore = [this] {
    logs_.on_folder_made();
    bool whole = true;
    for (auto& restored : {http_.restore_local(), links_.restore()}) {
      if (!restored) log_.error("{}", to_string(restored.error()));
      whole = whole && restored;
    }
    return whole;
  };
  keeper_.watch(restore, settings_.http.socket);
  tell_address();
  // What was read is not needed any more: the heap of the start goes back to the system, and once
  // all has come up what it touched of the libraries.
  declared_services_ = {};
  state_.stored = {};
  state_.left = {};
  ::malloc_trim(0);
  settled_.expires_after(settling);
  settled_.async_wait([](error_code ec) {
    if (ec) return;
    release_unchanged_pages();
    ::malloc_trim(0);
  });
  return {};
}

result<void> manager_process::serve() {
  tokens_.load();
  http_.write_down_to(requests_);
  management_parts parts{.services = services_,
                         .jobs = jobs_,
                         .searches = searches_,
                         .events = streams_,
                         .logs = logs_,
                         .tallies = shared_.tallies,
                         .reports = shared_.reports,
                         .commands = shared_.commands,
                         .recent = shared_.recent,
                         .http = http_,
                         .traces = traces_,
                         .configuration = configuration_,
                         .reexec = reexec_,
                         .tokens = tokens_,
                         .pages = pages_,
                         .past_jobs = historian_.history(),
                         .requests = requests_,
                         .program = program_.program,
                         .own_routes = program_.own_routes,
                         .log_folder = state_.folder.log_folder(),
                         .state_folder = state_.folder.path(),
                         .config_file = program_.config_file.string(),
                         .has_clock =
                             [this] {
                               return services_.any_of([](auto& wanted) {
                                 return wanted.enabled && wanted.spec.name == clock_name;
                               });
                             },
                         .programs_over_tcp = settings_.http.programs,
                         .shutting_down = shutdown_.under_way()};
  if (auto ok = add_management_routes(program_.routes, parts); !ok) return ok;
  if (settings_.http.dashboard) pages_.add_routes();
  if (auto ok = http_.read_access(); !ok) return ok;
  if (!settings_.http.listen.empty())
    if (auto ok = http_.listen_tcp(state_.token, tokens_.tokens()); !ok) return ok;
  return http_.listen_local(state_.folder.path() / "sm.sock");
}

result<void> manager_process::start_services() {
  auto& stored = state_.stored;
  auto wanted = merge_declared(stored.rows, declared_services_);
  if (wanted != stored.rows)
    if (auto ok = put_readable(state_.store, wanted, stored.unreadable); !ok)
      log_.error(
          "what the program declares is not written down, and is looked at again at the next "
          "start: {}",
          to_string(ok.error()));
  // No earlier manager can have counted as far as the milliseconds of the clock.
  shared_.processes.count_from(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count()));
  for (auto& row : state_.left) shared_.processes.count_from(row.incarnation + 1);
  keeper_.drop_unknown(names_of(wanted, stored.unreadable, state_.left));
  return services_.start(std::move(wanted), state_.left, stored.unreadable);
}

/// Says where it is found: in a file, in the log, to who started it.
void manager_process::tell_address() {
  auto& folder = state_.folder;
  if (auto ok = folder.write_file("http", http_.address() + "\n", lasting::for_this_run); !ok) {
    std::error_code ignored;  // the address of an earlier manager would mislead
    std::filesystem::remove(folder.path() / "http", ignored);
    log_.warn("the address is in no file: {}", to_string(ok.error()));
  }
  auto tcp = http_.url();
  log_.info("{} serves {}{}{}; the token is in {}", program_.program, tcp,
            tcp.empty() ? "" : " and ", (folder.path() / "sm.sock").string(),
            (folder.path() / "token").string());
  // Who started it by hand has a browser at hand; a journal is read by others, too.
  if (::isatty(STDERR_FILENO) == 1)
    if (auto link = pages_.sign_in_link(api_role::admin))
      std::fprintf(stderr, "sign in at %s\n", (*link)["url"].get_ref<const std::string&>().c_str());
  given_.above.tell("READY=1\nMAINPID=" + std::to_string(::getpid()) +
                    "\nSTATUS=" + status_line("serves " + (tcp.empty() ? "the Unix socket" : tcp)));
}

void manager_process::run() {
  events_.run();
  end();
}

void manager_process::end() {
  if (!reexec_.services_stay()) forks_.close();
  shared_.journal.stop();
  shared_.janitor.stop();
  tokens_.save();
  requests_.close();
  traces_.close();
  if (!reexec_.services_stay()) cgroups_.remove();
  // Whoever closes a database last leaves it whole, without its WAL.
  close_files([this] {
    facade_.jobs().close();
    jobs_.close();
    searches_.close();
    releases_.close();
    auto closed = std::move(state_.store);
  });
  // Who was told to stop while it made way stops its services all the same: the next one does.
  if (auto number = shutdown_.for_the_next()) ::kill(::getpid(), *number);
  if (reexec_.wanted() || (reexec_.services_stay() && end_signal_waits())) {
    auto refused = reexec_.execute();
    // The services wait for the next manager.
    log_.error("{}", to_string(refused));
    ::_exit(traits(refused.code).exit_code);
  }
  log_.info("{}", reexec_.services_stay() ? "left the services to the next manager" : "stopped");
  std::fflush(nullptr);
  // ~actor_system may wait for ever; every process, file and socket of ours has been closed in
  // order.
  ::_exit(0);
}

}  // namespace

int run_manager(detail::server_state& program, declared_program declared) {
  auto settings = declared.settings;
  inheritance given;
  auto end_signals = open_end_signals();
  if (!end_signals) return refuse(end_signals.error());
  given.end_signals = std::move(*end_signals);
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

  auto state = open_manager_state(settings);
  if (!state) return refuse(state.error());
  say_doubts(declared.queue, program.job_types, state->log);
  if (settings.queue.url.empty())
    settings.queue.url = "sqlite:" + (state->folder.path() / "queue.db").string();
  if (auto ok = check_queue_url(settings.queue.url); !ok) return refuse(ok.error());

  manager_process process(program, std::move(declared), std::move(settings), std::move(*state),
                          std::move(given));
  if (auto ok = process.start(); !ok) return refuse(ok.error());
  process.run();
}

}  // namespace sm
