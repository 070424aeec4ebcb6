#include "manager/instance.hpp"

#include <algorithm>
#include <csignal>

#include "link/link.hpp"
#include "process/pidfd.hpp"
#include "process/proc_stat.hpp"
#include "process/stack_dump.hpp"
#include "service/overloaded.hpp"
#include "system/lost_time.hpp"
#include "system/random.hpp"
#include "system/signal_names.hpp"
#include "text/numbers.hpp"
#include "text/units.hpp"

namespace sm {

instance::instance(supervision& s, instance_owner& owner, unsigned index, duty does)
    : s_(s),
      owner_(owner),
      index_(index),
      duty_(does),
      timer_(s.events.context()),
      watchdog_(s.events.context()),
      watch_again_(s.events.context()),
      watch_(s.events.context()) {
  s_.in_turn += duty_ == duty::waits ? 1 : 0;
  life_.since = clock::now();
}

instance::~instance() {
  s_.in_turn -= duty_ == duty::waits ? 1 : 0;
  drop_link("removed");
}

std::string instance::name() const { return owner_.spec().name + ":" + std::to_string(index_); }

void instance::handle(const lifecycle_event& event) {
  auto dice = std::uniform_real_distribution<>(0, 1)(s_.random);
  auto state = life_.state;
  auto since = life_.since;
  auto todo = advance(life_, owner_.spec(), event, clock::now(), dice);
  if (state == instance_state::starting && life_.state == instance_state::running && life_.ready)
    owner_.tally().count_start(life_.since - since);
  if (state == instance_state::running && std::holds_alternative<unresponsive>(event))
    ++owner_.tally().hangs;
  for (auto& action : todo) carry_out(action);
  // Where it comes to rest is told once it is there.
  if (life_.tree_left && shown_ != instance_state::stopping) return;
  auto before = std::exchange(shown_, life_.state);
  auto was_ready = std::exchange(shown_ready_, life_.ready);
  auto restarts = std::exchange(shown_restarts_, life_.restarts);
  if (life_.restarts > restarts) owner_.tally().restarts += life_.restarts - restarts;
  if (life_.state == before && life_.ready == was_ready && todo.empty()) return;
  if (life_.state == instance_state::starting)
    take_up(reconcile(occasion::starting, duty_, life_.state).does);
  json change{{"service", owner_.spec().name},
              {"instance", name()},
              {"state", to_string(life_.state)},
              {"ready", life_.ready},
              {"restarts", life_.restarts}};
  if (pid_ > 0) change["pid"] = pid_;
  if (!life_.reason.empty()) change["reason"] = life_.reason;
  s_.publish("service.state", change);
  if (life_.state != before && life_.state == instance_state::running) {
    alive_at_ = clock::now();
    watch_for_hang();
  }
  if (life_.state != before) journal_end(before);
  if (life_.state != before)
    s_.log.info("{} {} -> {}{}{}", name(), to_string(before), to_string(life_.state),
                life_.reason.empty() ? "" : ": ", life_.reason);
  owner_.on_changed(*this, life_.restarts > restarts);
}

void instance::take_up(duty d) {
  // It is to be started in its turn, which may be the next manager's.
  if (d == duty::waits && shown_ == instance_state::exited)
    s_.journal.remove_instance(name(), incarnation_);
  s_.in_turn -= duty_ == duty::waits ? 1 : 0;
  duty_ = d;
  s_.in_turn += duty_ == duty::waits ? 1 : 0;
}

void instance::heed(occasion what, bool enabled, const std::string& why) {
  auto next = reconcile(what, duty_, life_.state, enabled);
  take_up(next.does);
  switch (next.tell) {
    case telling::nothing:
      return;
    case telling::start:
      return handle(start_requested{});
    case telling::stop:
      return handle(stop_requested{});
    case telling::restart:
      return handle(restart_requested{});
    case telling::condemned:
      return handle(condemned{why});
  }
}

void instance::carry_out(const lifecycle_action& action) {
  std::visit(overloaded{
                 [&](const spawn_process&) { spawn(); },
                 [&](const send_stop& stop) {
                   auto deadline = clock::now() + stop.timeout / 2;
                   if (service_)
                     tell(
                         service_,
                         wire::stop{std::chrono::nanoseconds(deadline.time_since_epoch()).count()});
                   else
                     signal(SIGTERM);  // adopted, but its actor has not come yet
                 },
                 [&](const send_stop_signal&) {
                   // A process that runs a program passes the program's own stop signal on.
                   auto number = runs_program()
                                     ? SIGTERM
                                     : parse_signal(owner_.spec().stop_signal).value_or(SIGTERM);
                   if (!signal(number)) signal_when_forked_ = number;
                 },
                 [&](const kill_tree&) {
                   if (!signal(SIGKILL)) signal_when_forked_ = SIGKILL;
                 },
                 [&](const dump_stack&) {
                   s_.log.warn("{} (pid {}): {}; its stacks go to {}.out", name(), pid_,
                               life_.reason, name());
                   if (pid_ <= 0) return;
                   ::kill(pid_, stack_signal());
                   signal(SIGCONT);
                 },
                 [&](const arm_timer& t) { arm(t.delay); },
                 [&](const disarm_timer&) { armed_.reset(); },
             },
             action);
}

void instance::arm(std::chrono::milliseconds delay) {
  std::weak_ptr<int> armed = armed_ = std::make_shared<int>();
  // What a start of the manager takes, a slow disk's fsync above all, is no time of its services.
  if (!s_.events.runs())
    return s_.events.defer([this, armed, delay] {
      if (!armed.expired()) arm(delay);
    });
  timer_.expires_after(delay);
  // A timer that has expired fires even if it was cancelled, or its instance forgotten, meanwhile.
  timer_.async_wait([this, armed, delay](error_code ec) {
    if (ec || armed.expired()) return;
    auto more = excused(delay);
    if (more.count() > 0) return arm(more);
    handle(timer_fired{});
  });
}

/// How much longer a deadline of `delay` that is over is waited for, through no fault of the
/// process: the manager had no time itself, or has not let the process begin.
std::chrono::milliseconds instance::excused(std::chrono::milliseconds delay) const {
  using enum instance_state;
  if (life_.state == starting && pid_ > 0 && !journaled_) return delay;
  if (life_.state != starting && life_.state != stopping) return {};
  return std::min(delay, lost_time(timer_.expiry(), clock::now()));
}

bool instance::deliver_signal(int number) {
  if (!runs_program()) return signal(number);
  if (!service_) return false;
  tell(service_, wire::forward_signal{number});
  return true;
}

// -- hangs

/// Asks every half of the watchdog's time, so that whoever answers blocked for less than that.
void instance::watch_for_hang() {
  auto patience = owner_.spec().watchdog;
  watchdog_.cancel();
  watched_ = std::make_shared<int>();
  if (patience.count() <= 0) return;
  // All with the same patience are asked in one turn, so that an idle manager wakes up once for
  // them; and not later than the end of its patience, whenever the last sign of life was.
  auto step = patience / 2 + std::chrono::milliseconds{1};
  auto since_boot = std::chrono::floor<std::chrono::milliseconds>(clock::now().time_since_epoch());
  time_point next((since_boot / step + 1) * step);
  auto soon = clock::now() + std::chrono::milliseconds{1};
  watchdog_.expires_at(std::min(next, std::max(alive_at_ + patience, soon)));
  watchdog_.async_wait([this, patience, armed = std::weak_ptr<int>(watched_)](error_code ec) {
    if (ec || armed.expired() || life_.state != instance_state::running) return;
    if (lost_time(watchdog_.expiry(), clock::now()).count() > 0) alive_at_ = clock::now();
    if (clock::now() - alive_at_ >= patience) return look_again();
    if (service_) tell(service_, wire::ping{});
    watch_for_hang();
  });
}

/// When it was this process that had no time, the answers are there already and only unread.
void instance::look_again() {
  watchdog_.expires_after(std::chrono::milliseconds{100});
  watchdog_.async_wait([this, armed = std::weak_ptr<int>(watched_)](error_code ec) {
    if (ec || armed.expired() || life_.state != instance_state::running) return;
    auto patience = owner_.spec().watchdog;
    if (lost_time(watchdog_.expiry(), clock::now()).count() > 0) alive_at_ = clock::now();
    if (patience.count() <= 0 || clock::now() - alive_at_ < patience) return watch_for_hang();
    if (is_traced()) {
      alive_at_ = clock::now();
      return watch_for_hang();
    }
    handle(unresponsive{"no sign of life for " + format_duration(patience)});
  });
}

/// Whoever looks at a process with a debugger stops it for as long as he likes.
bool instance::is_traced() {
  for (auto pid : {pid_, main_pid()})
    if (auto tracer = tracer_of(pid); tracer > 0) {
      if (std::exchange(tracer_, tracer) != tracer)
        s_.log.warn("{}: pid {} is traced by pid {}, so the watchdog does not judge it", name(),
                    pid, tracer);
      return true;
    }
  tracer_ = 0;
  return false;
}

void instance::on_spec_changed() {
  if (life_.state != instance_state::running) return;
  alive_at_ = clock::now();
  watch_for_hang();
}

// -- start

void instance::spawn() {
  drop_link("restarted");
  incarnation_ = s_.processes.take_number();
  s_.processes.add_run(incarnation_, *this);
  started_spec_ = owner_.spec();
  journaled_ = false;
  auto not_now = [&](const error& why) {
    s_.events.defer([&s = s_, incarnation = incarnation_, why = to_string(why)] {
      auto i = s.processes.run(incarnation);
      if (!i) return;
      s.processes.end_run(incarnation);
      i->handle(spawn_failed{why});
    });
  };
  if (s_.ending) return not_now({errc::shutting_down, "the manager is shutting down", {}});
  auto& wanted = owner_.spec();
  // Both were checked with the specification.
  auto mode = parse_integer<mode_t>(wanted.socket_mode, 0, 0777, 8).value_or(0600);
  auto sockets = s_.sockets.get(wanted.sockets, mode);
  if (!sockets) return not_now(sockets.error());
  auto pair = make_link_pair();
  if (!pair) return not_now(pair.error());
  auto& [ours, theirs] = *pair;
  token_ = random_hex(16);
  found_ = false;
  said_goodbye_ = false;
  executable_ = {};
  looked_up_ = 0;
  welcomed_ = false;
  signal_when_forked_ = 0;
  make_link(std::move(ours));
  fork_request rq{.instance = name(), .incarnation = incarnation_, .token = token_};
  rq.grouped = s_.settings.manager.cgroups == "always" || started_spec_.memory_max > 0 ||
               started_spec_.tasks_max > 0 || started_spec_.cpu_weight > 0;
  rq.limits = {started_spec_.memory_max, started_spec_.tasks_max, started_spec_.cpu_weight};
  s_.forks.fork(rq, std::move(theirs), *sockets,
                [&s = s_, incarnation = incarnation_](result<pid_t> pid) {
                  if (auto i = s.processes.run(incarnation))
                    i->on_forked(std::move(pid));
                  else if (pid)
                    s.reaper.forget(*pid);
                });
}

void instance::on_forked(result<pid_t> pid) {
  if (!pid) {
    s_.processes.end_run(incarnation_);
    drop_link("not started");
    handle(spawn_failed{to_string(pid.error())});
    return;
  }
  pid_ = *pid;
  start_time_ = 0;
  s_.processes.add_process(pid_, *this);
  if (signal_when_forked_ != 0) signal(std::exchange(signal_when_forked_, 0));
  watch_process();
  // None of the service's own code runs before its process is journaled: it waits for the welcome.
  journaled_instance row{.name = name(),
                         .pid = pid_,
                         .start_time = start_time_,
                         .incarnation = incarnation_,
                         .boot = boot_id(),
                         .token = token_,
                         .restarts = life_.restarts,
                         .spec = started_spec_};
  s_.journal.put_instance(std::move(row), [&s = s_, incarnation = incarnation_] {
    auto i = s.processes.run(incarnation);
    if (!i) return;
    i->journaled_ = true;
    i->welcome_when_journaled();
  });
}

/// Hears of the end of the process, whoever is its parent.
void instance::watch_process() {
  error_code ignored;
  watch_.close(ignored);
  // The descriptor first: what it names cannot become another process any more.
  auto process = open_pidfd(pid_);
  auto reason = errno;
  // One that was forked just now is not known by its time yet.
  auto here = start_time_ == 0 ? look_at(pid_, start_time_) : look_for(pid_, start_time_);
  if (process) reason = errno;
  if (here == presence::gone) {
    s_.events.defer([&s = s_, incarnation = incarnation_] {
      if (auto i = s.processes.run(incarnation)) i->on_process_ended(vanished{});
    });
    return;
  }
  if (!process || here == presence::unknown) {  // out of descriptors, say: look again in a while
    if (!std::exchange(unwatched_, true))
      s_.log.warn("{} (pid {}) cannot be watched yet: {}", name(), pid_,
                  std::generic_category().message(reason));
    watch_again_.expires_after(std::chrono::milliseconds{100});
    watch_again_.async_wait([this, incarnation = incarnation_](error_code ec) {
      if (!ec && incarnation == incarnation_ && pid_ != 0) watch_process();
    });
    return;
  }
  unwatched_ = false;
  watch_.assign(process.release());
  watch_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [this, incarnation = incarnation_](error_code ec) {
                      if (ec || incarnation != incarnation_ || pid_ == 0) return;
                      // Without a descriptor nothing can be read about it.
                      if (look_for(pid_, start_time_) == presence::unknown) return watch_process();
                      on_process_ended(read_exit_status(pid_));
                    });
}

void instance::look_up_build() {
  auto pid = looked_up_ = main_pid();
  (void)s_.janitor.post([&s = s_, incarnation = incarnation_, pid] {
    s.events.defer([&s, incarnation, found = look_at_executable(pid)] {
      if (auto i = s.processes.run(incarnation)) i->executable_ = found;
    });
  });
}

void instance::follow_executable(const std::string& link) {
  if (link.empty() || executable_.pid != main_pid() || link == executable_.link) return;
  executable_.link = link;  // once for each
  look_up_build();
}

bool instance::outdated(present_files& files) const {
  if (pid_ <= 0) return false;
  return is_outdated(executable_, runs_program() ? std::filesystem::path{} : s_.forks.executable(),
                     files);
}

// -- the end

void instance::on_process_ended(const exit_status& status) {
  error_code ignored;
  watch_.close(ignored);
  watched_.reset();
  auto ended = std::exchange(pid_, 0);
  main_pid_ = 0;
  tracer_ = 0;
  program_ = {};
  if (ended > 0) {
    s_.processes.end_process(ended);
    signal_group(ended, SIGKILL);  // what it leaves behind in its group, at once
    s_.reaper.forget(ended, name(),
                     [this, known = std::weak_ptr<int>(tree_ = std::make_shared<int>())] {
                       if (!known.expired()) handle(tree_gone{});
                     });
  }
  owner_.tally().count_exit(status);
  forget_process();
  drop_link("ended: " + to_string(status));
  owner_.on_ended(*this, ended);
  s_.log.info("{} (pid {}) ended: {}{}{}", name(), ended, life_.reason,
              life_.reason.empty() ? "" : ", ", to_string(status));
  handle(process_ended{status});
  if (ended <= 0) handle(tree_gone{});
}

void instance::forget_process() {
  s_.processes.end_run(incarnation_);
  s_.tallies.end(incarnation_);
  s_.reports.end(incarnation_);
  if (s_.cgroups) {
    // Nobody waits for it: the next run has a group of its own.
    fork_request rq{.instance = name(), .incarnation = incarnation_, .token = {}};
    (void)s_.janitor.post([&s = s_, run = rq.run()] { s.cgroups.end(run); });
  }
  s_.journal.remove_instance(name(), incarnation_);
}

/// The next manager, after an upgrade or a crash, starts what is wanted and does not run: what has
/// ended, and is left so by its policy, is none of that.
void instance::journal_end(instance_state before) {
  // What could not be made has not ended.
  if (life_.state == instance_state::exited && journaled_)
    s_.journal.put_instance({.name = name(),
                             .incarnation = incarnation_,
                             .boot = system_run(),
                             .restarts = life_.restarts,
                             .spec = started_spec_,
                             .end = instance_end{.status = life_.last_exit.value_or(vanished{}),
                                                 .failed = life_.failed,
                                                 .reason = life_.reason}},
                            [] {});
  else if (before == instance_state::exited)
    s_.journal.remove_instance(name(), incarnation_);
}

void instance::check_limits(std::uint64_t memory, unsigned tasks) {
  auto& spec = started_spec_;
  std::string over;
  if (spec.memory_max > 0 && memory > spec.memory_max)
    over = std::to_string(memory) + " bytes of memory, more than memory_max";
  else if (spec.tasks_max > 0 && tasks > spec.tasks_max)
    over = std::to_string(tasks) + " tasks, more than tasks_max";
  if (over.empty() || life_.state != instance_state::running) return;
  handle(start_failed{"uses " + over});
  handle(kill_requested{});
}

}  // namespace sm
