#include "process/service_process.hpp"

#include <sys/resource.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <sm/guarded.hpp>

#include "link/link.hpp"
#include "link/messages.hpp"
#include "log/process_log.hpp"
#include "process/command_runner.hpp"
#include "process/manager_handle.hpp"
#include "process/own_calls.hpp"
#include "process/posted_work.hpp"
#include "process/process_events.hpp"
#include "process/process_settings.hpp"
#include "process/telemetry_outbox.hpp"
#include "process/timers.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto link_timeout = 10s;       // to hear from the manager that just started us
constexpr auto farewell_timeout = 1s;    // for the manager to take our last words
constexpr int exit_start_failed = 70;    // sysexits.h EX_SOFTWARE
constexpr int exit_by_signal = 1000;     // and the signal's number: no exit code
constexpr std::uint64_t stop_timer = 0;  // the services' own timers count from 1

std::int64_t to_ns(clock::time_point t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

/// CAF ends an actor whose handler throws; what the service's own code throws must not end it.
template <class Message, class F>
auto on(F handler) {
  return [handler](const Message& m) {
    (void)guarded("a message of the manager", [&] { handler(m); });
  };
}

class service_process : public detail::service_host, public builtin_host {
 public:
  service_process(caf::io::broker* self, const registry& types, process_events& events,
                  const fresh_process& fresh, const std::filesystem::path& state_folder)
      : self_(self),
        types_(types),
        events_(events),
        fresh_(fresh),
        state_folder_(state_folder),
        posted_(self),
        telemetry_(self, posted_,
                   {[this] { return bool(manager_); },
                    [this](wire::span_batch batch) { manager_.tell(std::move(batch)); },
                    [this](wire::metric_report all) { manager_.tell(std::move(all)); }}),
        timers_(self),
        // Not here: the service's own function that answered may still be running.
        commands_(
            self, posted_, [this](wire::reply_batch batch) { manager_.tell(std::move(batch)); },
            [self] {
              tell(caf::actor_cast<caf::actor>(self->ctrl()), wire::timer_tick{stop_timer});
            }) {}

  caf::behavior start(unique_fd link) {
    self_->set_down_handler([this](const caf::down_msg& down) { on_down(down); });
    // An exit of the manager comes as its end does, and is no reason to end.
    self_->set_exit_handler([](const caf::exit_msg&) {});
    connect(std::move(link));
    return {
        on<wire::command_batch>([this](auto& batch) { commands_.run(batch); }),
        on<wire::ping>([this](auto& p) {
          if (!alive_ || alive_()) manager_.tell(wire::pong{p.sequence});
        }),
        on<wire::forward_signal>([this](auto& s) {
          if (signalled_) signalled_(s.number);
        }),
        on<wire::welcome>([this](auto& w) { on_welcome(w); }),
        on<wire::reply_batch>([this](auto& batch) { calls_.on_replies(batch); }),
        on<wire::timer_tick>([this](auto& tick) { on_tick(tick.id); }),
        on<wire::run_posted>([this](auto&) { posted_.run(); }),
        on<wire::stop>([this](auto& s) { on_stop(s); }),
        on<wire::farewell>([this](auto&) { events_.end(exit_code_); }),
        on<wire::manager_lost>([this](auto&) { on_manager_lost(); }),
        on<wire::new_link>([this](auto& next) { connect(unique_fd(next.fd)); }),
        [this](caf::get_atom, const std::string& name) { return find(name); },
    };
  }

  // -- detail::service_host

  void add_command(const std::string& name, command_function f, bool blocking) override {
    commands_.add(name, std::move(f), blocking);
  }

  void add_timer(std::chrono::milliseconds delay, bool repeats, std::function<void()> f) override {
    if (delay < 1ms) throw failure(errc::bad_arguments, "a timer needs at least 1ms");
    posted_.in_actor([this, delay, repeats, f = std::move(f)] { timers_.add(delay, repeats, f); });
  }

  promise<json_text> send(const std::string& service, const std::string& command,
                          const json& arguments, std::chrono::milliseconds timeout) override {
    return call(false, service, command, arguments, timeout);
  }
  promise<json_text> broadcast(const std::string& select, const std::string& command,
                               const json& arguments, std::chrono::milliseconds timeout) override {
    return call(true, select, command, arguments, timeout);
  }
  const sm::queue& queue() const override { return *queue_; }
  caf::io::broker& actor() override { return *self_; }

  // -- builtin_host

  void hold_ready() override { ready_held_ = true; }
  void set_ready(pid_t main_pid) override {
    posted_.in_actor([this, main_pid] {
      if (!stopping_) become_ready(main_pid);
    });
  }
  void end(const exit_status& how, std::string why, bool failure) override {
    posted_.in_actor([this, how, why = std::move(why), failure] {
      if (stopping_) return;
      stopping_ = true;
      commands_.close();
      events_.phase.stopping = true;
      leave(code_of(how), why, failure);
    });
  }
  void end_stopped(const exit_status& how) override { stopped_code_ = code_of(how); }
  void show(program_view view) override {
    posted_.in_actor([this, state = wire::program_state{view.main_pid, std::move(view.status_text),
                                                        view.reloading}]() mutable {
      program_state_ = std::move(state);
      manager_.tell(*program_state_);
    });
  }
  void extend_timeout(std::chrono::milliseconds by) override {
    // Not by way of the actor: its thread may be in the service's destructor.
    manager_.tell_from_any_thread(wire::extend_timeout{by.count()});
  }
  void answer_pings_while(std::function<bool()> alive) override { alive_ = std::move(alive); }
  void on_signal(std::function<void(int)> f) override { signalled_ = std::move(f); }
  void take_signals(const std::vector<int>& numbers, std::function<void(int)> f) override {
    events_.take(numbers, std::move(f));
  }
  void publish(std::string type, const json& data) override {
    posted_.in_actor([this, event = wire::service_event{std::move(type), print_json(data)}] {
      manager_.tell(event);
    });
  }
  void report(std::string tallies) override {
    posted_.in_actor([this, tallies = std::move(tallies)]() mutable {
      tallies_ = std::move(tallies);
      manager_.tell(wire::job_report{tallies_});
    });
  }
  std::vector<int> sockets() override {
    std::vector<int> list;
    for (auto& socket : fresh_.sockets) list.push_back(socket.get());
    return list;
  }

 private:
  static int code_of(const exit_status& how) {
    if (auto* killed = std::get_if<killed_by>(&how)) return exit_by_signal + killed->number;
    auto* exited = std::get_if<exited_with>(&how);
    return exited ? exited->code : exit_start_failed;
  }

  // -- the manager

  void connect(unique_fd link) {
    auto again = std::make_shared<unique_fd>(second_descriptor(link.get()));
    connect_link(self_, std::move(link), link_timeout,
                 [this, again](result<caf::strong_actor_ptr> instance) {
                   if (!instance) {
                     if (!events_.phase.welcomed) return events_.end(exit_no_manager);
                     // An adopted process goes on: its main thread sees the link close and dials.
                     ::shutdown(again->get(), SHUT_RDWR);
                     return;
                   }
                   commands_.on_new_manager();
                   manager_.set(caf::actor_cast<caf::actor>(*instance));
                   self_->monitor(manager_.actor());
                   self_->link_to(manager_.actor());
                   manager_.tell(wire::hello{.pid = ::getpid(), .service = self_->ctrl()});
                   if (ready_) manager_.tell(*ready_);
                   if (program_state_) manager_.tell(*program_state_);
                   if (!tallies_.empty()) manager_.tell(wire::job_report{tallies_});
                   if (events_.phase.welcomed) telemetry_.on_new_manager();
                 });
  }

  void on_down(const caf::down_msg& down) {
    if (manager_ && down.source == manager_.actor()->address()) return on_manager_lost();
    // Without its actor the process has nothing to do.
    if (plain_actor_ && down.source == plain_actor_->address() && !stopping_)
      leave(down.reason == caf::exit_reason::normal ? 0 : exit_start_failed,
            "the actor ended: " + self_->system().render(down.reason));
  }

  /// The service goes on without. What it asked of others has no answer; what others asked of it
  /// nobody waits for.
  void on_manager_lost() {
    if (!manager_) return;
    manager_.set(nullptr);
    calls_.fail_all({errc::unavailable, "the manager is gone for the moment", {}});
    if (finished_) events_.end(exit_code_);
  }

  // -- start

  void on_welcome(const wire::welcome& w) {
    if (stopping_) return;
    if (!fresh_.not_locked.empty()) return leave(exit_start_failed, fresh_.not_locked);
    if (w.version != wire::protocol_version)
      return leave(exit_start_failed, "the manager speaks protocol " + std::to_string(w.version) +
                                          ", this process " +
                                          std::to_string(wire::protocol_version));
    auto spec = parse_json(w.spec).and_then([](auto&& j) { return spec_from_json(j); });
    if (!spec) return leave(exit_start_failed, to_string(spec.error()));
    auto settings = parse_json(w.settings).and_then([](auto&& j) {
      return from_json_value<process_settings>(j);
    });
    if (!settings) return leave(exit_start_failed, to_string(settings.error()));
    settings_ = std::move(*settings);
    events_.phase.orphan_grace_ms = settings_.orphan_grace_ms;
    events_.phase.stop_timeout_ms = spec->stop_timeout.count();
    events_.phase.log_max_size = spec->log.max_size;
    events_.phase.log_keep = spec->log.keep;
    events_.phase.welcomed = true;
    log_target target{.file = settings_.log_file,
                      .instance = w.instance,
                      .level = settings_.log_level,
                      .files = {spec->log.max_size, spec->log.keep}};
    telemetry_.open(settings_.trace_export, settings_.trace_sample);
    log_file_ = open_log_file(target);
    log_.emplace(open_log(target, log_file_));
    log_caught_to(*log_);
    queue_.emplace(settings_.queue.url, settings_.queue, types_.jobs);
    try {
      construct(*spec, w.instance);
    } catch (...) {
      auto why = caught_error(errc::internal);
      log_->error("cannot start: {}", to_string(why));
      return leave(exit_start_failed, why.code == errc::internal ? why.detail : to_string(why));
    }
    if (!ready_held_) become_ready(::getpid());
  }

  void become_ready(pid_t main_pid) {
    ready_.emplace();
    ready_->main_pid = main_pid;
    ready_->actor = plain_actor_ ? plain_actor_ : caf::strong_actor_ptr{self_->ctrl()};
    ready_->commands = commands_.names();
    events_.phase.ready_since_ns = to_ns(clock::now());
    manager_.tell(*ready_);
  }

  void construct(const service_spec& spec, const std::string& instance) {
    auto type = types_.types.find(spec.type);
    if (type == types_.types.end())
      throw failure(errc::unknown_type, "this program has no such type", spec.type);
    if (auto* factory = std::get_if<detail::service_factory>(&type->second)) {
      service_ = (*factory)({spec.name, instance, spec.params, *log_, this});
      return;
    }
    if (auto* factory = std::get_if<builtin_factory>(&type->second)) {
      service_ = (*factory)({spec.name, instance, spec.params, *log_, this},
                            {spec, settings_, state_folder_, log_file_, *this});
      return;
    }
    auto& factory = std::get<std::shared_ptr<const detail::actor_factory>>(type->second);
    plain_actor_ = factory->spawn(self_->system(), {spec.name, instance, spec.params, *log_,
                                                    caf::actor_cast<caf::actor>(self_->ctrl())});
    self_->monitor(plain_actor_);
    commands_.ask(plain_actor_);
  }

  // -- what the service asks of others

  promise<json_text> call(bool gather, const std::string& target, const std::string& command,
                          const json& arguments, std::chrono::milliseconds timeout) {
    promise<json_text> answer;
    wire::service_call request{
        .gather = gather,
        .target = target,
        .command = command,
        .arguments = print_json(arguments),
        .timeout_ms = timeout.count() > 0 ? timeout.count() : settings_.command_timeout_ms,
        .trace = current_trace()};
    posted_.in_actor([this, request, answer]() mutable {
      if (!manager_) {
        answer.set_error({errc::unavailable, "the manager is gone for the moment", {}});
        return;
      }
      request.id = calls_.add(answer);
      manager_.tell(std::move(request));
    });
    return answer;
  }

  caf::result<caf::strong_actor_ptr> find(const std::string& name) {
    auto answer = self_->make_response_promise<caf::strong_actor_ptr>();
    if (!manager_) {
      answer.deliver(caf::make_error(caf::sec::no_actor_published_at_port));
      return answer;
    }
    self_
        ->request(manager_.actor(), std::chrono::milliseconds(settings_.command_timeout_ms),
                  wire::find_service{name})
        .then([answer](const caf::strong_actor_ptr& found) mutable { answer.deliver(found); },
              [answer](caf::error& e) mutable { answer.deliver(std::move(e)); });
    return answer;
  }

  // -- the end

  void on_tick(std::uint64_t id) {
    if (id == stop_timer) return finish_stop();
    if (telemetry_.on_timer(id)) return;
    if (!stopping_) timers_.on_tick(id, service_->instance());
  }

  void on_stop(const wire::stop& s) {
    if (stopping_) return;
    stopping_ = true;
    events_.phase.stopping = true;
    commands_.close();
    if (plain_actor_) {
      self_->send_exit(caf::actor_cast<caf::actor>(plain_actor_), caf::exit_reason::user_shutdown);
      plain_actor_ = nullptr;
      commands_.ask(nullptr);
    }
    if (commands_.idle()) return finish_stop();
    // Handlers that answer later get most of the time that is left.
    auto left = std::chrono::nanoseconds(s.deadline_ns) - clock::now().time_since_epoch();
    auto patience = std::chrono::duration_cast<std::chrono::milliseconds>(left) * 8 / 10;
    tell_after(self_, std::max(patience, 1ms), wire::timer_tick{stop_timer});
  }

  void finish_stop() {
    if (finished_) return;
    finished_ = true;
    timers_.clear();
    commands_.stop_threads();  // they still use the service
    (void)guarded("the destructor of the service", [this] { service_.reset(); });
    if (queue_)
      queue_->close();  // the last one that closes a file leaves it whole, without its WAL
    posted_.run();
    commands_.flush();
    leave(stopped_code_, {});
  }

  /// Says goodbye and ends when the manager has heard it, or soon after.
  void leave(int code, std::string reason, bool failure = true) {
    exit_code_ = code;
    finished_ = true;
    if (!manager_) return events_.end(code);
    telemetry_.tell_spans();
    manager_.tell(wire::goodbye{std::move(reason), failure});
    tell_after(self_, farewell_timeout, wire::farewell{});
  }

  caf::io::broker* self_;
  const registry& types_;
  process_events& events_;
  const fresh_process& fresh_;
  const std::filesystem::path state_folder_;
  manager_handle manager_;
  std::optional<wire::ready> ready_;                  // what the next manager hears, too
  std::optional<wire::program_state> program_state_;  // likewise
  std::string tallies_;                               // likewise
  process_settings settings_;
  std::shared_ptr<log_file> log_file_;
  std::optional<logger> log_;
  std::optional<sm::queue> queue_;
  std::unique_ptr<sm::service> service_;
  caf::strong_actor_ptr plain_actor_;
  posted_work posted_;
  telemetry_outbox telemetry_;
  timers timers_;
  own_calls calls_;
  command_runner commands_;
  std::function<bool()> alive_;
  std::function<void(int)> signalled_;
  bool ready_held_ = false;
  bool stopping_ = false;
  bool finished_ = false;
  int exit_code_ = 0;
  std::atomic<int> stopped_code_{0};  // of a service that was stopped
};

}  // namespace

service_process_config::service_process_config(const registry& types) {
  load<caf::io::middleman>();
  configure(*this);
  register_messages(*this);
  for (auto& add : types.messages) add(*this);
}

void run_service_process(const registry& types, service_process_config& config, fresh_process fresh,
                         const std::filesystem::path& state_folder) {
  process_events events(fresh, state_folder);
  caf::actor_system system(config);
  // CAF copies function and arguments, so the descriptor goes as a number. It is an argument
  // because CAF 0.17 dereferences a null pointer for functions that take none.
  auto actor = system.middleman().spawn_broker(
      [&](caf::io::broker* self, int fd) {
        auto process = std::make_shared<service_process>(self, types, events, fresh, state_folder);
        self->attach_functor([process] {});
        return process->start(unique_fd(fd));
      },
      fresh.link.release());
  int code = events.wait(
      {.on_stop =
           [&] {
             auto patience = std::chrono::milliseconds(events.phase.stop_timeout_ms);
             tell(actor, wire::stop{to_ns(clock::now() + patience)});
           },
       .on_manager_lost = [&] { tell(actor, wire::manager_lost{}); },
       .on_new_link = [&](unique_fd link) { tell(actor, wire::new_link{link.release()}); }});
  // ~actor_system may wait for ever for an actor that does not end; everything of ours has ended.
  std::fflush(nullptr);
  if (code >= exit_by_signal) {
    // As its program was killed, so that the policy and people see the same. No core of ours.
    rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    std::signal(code - exit_by_signal, SIG_DFL);
    ::raise(code - exit_by_signal);
    code = 128 + code - exit_by_signal;
  }
  ::_exit(code);
}

}  // namespace sm
