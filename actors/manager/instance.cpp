#include "manager/instance.hpp"

#include <algorithm>
#include <csignal>

#include "link/link.hpp"
#include "process/build_id.hpp"
#include "process/pidfd.hpp"
#include "process/proc_stat.hpp"
#include "process/process_settings.hpp"
#include "process/stack_dump.hpp"
#include "system/random.hpp"
#include "system/signal_names.hpp"
#include "text/numbers.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

template <class... F>
struct overloaded : F... {
  using F::operator()...;
};
template <class... F>
overloaded(F...) -> overloaded<F...>;

}  // namespace

instance::instance(supervision& s, instance_owner& owner, unsigned index)
    : s_(s),
      owner_(owner),
      index_(index),
      timer_(s.events.context()),
      watchdog_(s.events.context()),
      watch_again_(s.events.context()),
      watch_(s.events.context()) {
  life_.since = clock::now();
}

instance::~instance() { drop_link("removed"); }

std::string instance::name() const { return owner_.spec().name + ":" + std::to_string(index_); }

void instance::handle(const lifecycle_event& event) {
  auto dice = std::uniform_real_distribution<>(0, 1)(s_.random);
  auto todo = advance(life_, owner_.spec(), event, clock::now(), dice);
  for (auto& action : todo) carry_out(action);
  // Where it comes to rest is told once it is there.
  if (life_.tree_left && shown_ != instance_state::stopping) return;
  auto before = std::exchange(shown_, life_.state);
  auto was_ready = std::exchange(shown_ready_, life_.ready);
  if (life_.state == before && life_.ready == was_ready && todo.empty()) return;
  if (life_.state == instance_state::starting) start_wanted = false;
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
  if (life_.state != before)
    s_.log.info("{} {} -> {}{}{}", name(), to_string(before), to_string(life_.state),
                life_.reason.empty() ? "" : ": ", life_.reason);
  owner_.on_changed(*this);
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
  timer_.expires_after(delay);
  // A timer that has expired fires even if it was cancelled, or its instance forgotten, meanwhile.
  timer_.async_wait(
      [this, armed = std::weak_ptr<int>(armed_ = std::make_shared<int>())](error_code ec) {
        if (!ec && !armed.expired()) handle(timer_fired{});
      });
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
  incarnation_ = s_.next_number++;
  s_.by_incarnation[incarnation_] = this;
  auto not_now = [&](const error& why) {
    s_.events.defer([&s = s_, incarnation = incarnation_, why = to_string(why)] {
      if (auto entry = s.by_incarnation.extract(incarnation))
        entry.mapped()->handle(spawn_failed{why});
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
  build_.clear();
  started_spec_ = owner_.spec();
  journaled_ = false;
  welcomed_ = false;
  signal_when_forked_ = 0;
  make_link(std::move(ours));
  fork_request rq{.instance = name(), .incarnation = incarnation_, .token = token_};
  rq.grouped = s_.settings.manager.cgroups == "always" || started_spec_.memory_max > 0 ||
               started_spec_.tasks_max > 0 || started_spec_.cpu_weight > 0;
  rq.limits = {started_spec_.memory_max, started_spec_.tasks_max, started_spec_.cpu_weight};
  s_.forks.fork(
      rq, std::move(theirs), *sockets, [&s = s_, incarnation = incarnation_](result<pid_t> pid) {
        if (auto entry = s.by_incarnation.find(incarnation); entry != s.by_incarnation.end())
          entry->second->on_forked(std::move(pid));
        else if (pid)
          s.forget(*pid);
      });
}

void instance::make_link(unique_fd ours) {
  link_ = s_.next_number++;
  slot_ = s_.slots.take();
  s_.by_link[link_] = this;
  mailbox_ = s_.mailbox.make_actor(s_.system, link_);
  publish_link(s_.system, std::move(ours), slot_, mailbox_);
}

void instance::on_forked(result<pid_t> pid) {
  if (!pid) {
    s_.by_incarnation.erase(incarnation_);
    drop_link("not started");
    handle(spawn_failed{to_string(pid.error())});
    return;
  }
  pid_ = *pid;
  start_time_ = process_start_time(pid_);
  s_.by_pid[pid_] = this;
  if (signal_when_forked_ != 0) signal(std::exchange(signal_when_forked_, 0));
  // None of the service's own code runs before its process is journaled: it waits for the welcome.
  journaled_instance row{.name = name(),
                         .pid = pid_,
                         .start_time = start_time_,
                         .incarnation = incarnation_,
                         .boot = boot_id(),
                         .token = token_,
                         .restarts = life_.restarts,
                         .spec = started_spec_};
  watch_process();
  bool posted = s_.disk.post([&s = s_, row = std::move(row)] {
    auto written = s.store.put_instance(row);
    s.events.defer([&s, written, incarnation = row.incarnation] {
      if (!written) s.on_journal_behind(written.error());
      auto entry = s.by_incarnation.find(incarnation);
      if (entry == s.by_incarnation.end()) return;
      entry->second->journaled_ = true;
      entry->second->welcome_when_journaled();
    });
  });
  if (posted) return;
  s_.log.error("the journal is behind: too many writes wait");
  journaled_ = true;
  welcome_when_journaled();
}

/// Hears of the end of the process, whoever is its parent.
void instance::watch_process() {
  error_code ignored;
  watch_.close(ignored);
  // The descriptor first: what it names cannot become another process any more.
  auto process = open_pidfd(pid_);
  auto reason = errno;
  auto here = look_for(pid_, start_time_);
  if (process) reason = errno;
  if (here == presence::gone) {
    s_.events.defer([&s = s_, incarnation = incarnation_] {
      if (auto entry = s.by_incarnation.find(incarnation); entry != s.by_incarnation.end())
        entry->second->on_process_ended(vanished{});
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

// -- adoption

void instance::found(const journaled_instance& row, bool wanted) {
  bool exists = look_for(row.pid, row.start_time) != presence::gone;
  incarnation_ = row.incarnation;
  token_ = row.token;
  started_spec_ = row.spec;
  life_.restarts = restarts_seen = row.restarts;
  journaled_ = welcomed_ = found_ = true;
  start_wanted = false;
  s_.by_incarnation[incarnation_] = this;
  if (exists) s_.by_pid[pid_ = row.pid] = this;
  start_time_ = row.start_time;
  handle(process_found{});
  if (!wanted) handle(stop_requested{});
  if (exists) return watch_process();
  forget_process();
  owner_.on_ended(*this, row.pid, vanished{});
  handle(process_ended{vanished{}});
  handle(tree_gone{});
}

bool instance::proves_to_be(const json& greeting) const {
  return greeting.value("incarnation", std::uint64_t{0}) == incarnation_ &&
         greeting.value("token", "") == token_;
}

result<std::function<void(unique_fd)>> instance::on_greeting(const json& greeting) {
  if (!proves_to_be(greeting))
    return fail(errc::conflict, "this is not the run of " + name() + " that was journaled");
  if (greeting.value("version", 0U) != wire::protocol_version)
    return fail(errc::conflict, "this manager speaks another protocol");
  if (life_.state != instance_state::starting || link_ != 0)
    return fail(errc::conflict, name() + " is " + std::string(to_string(life_.state)));
  return [this, phase = greeting.value("phase", ""),
          ready_ns = greeting.value("ready_since_ns", std::int64_t{0})](unique_fd link) {
    process_adopted adopted{.stopping = phase == "stopping"};
    if (phase == "ready")  // of the same boot, and not from the future
      adopted.ready_since =
          std::clamp(time_point(std::chrono::nanoseconds(ready_ns)), time_point{}, clock::now());
    make_link(std::move(link));
    s_.log.info("{} (pid {}) is adopted", name(), pid_);
    handle(adopted);
  };
}

void instance::on_hello(const wire::hello& h) {
  if (h.version != wire::protocol_version) {
    handle(start_failed{"speaks protocol " + std::to_string(h.version) + ", this manager " +
                        std::to_string(wire::protocol_version)});
    handle(kill_requested{});
    return;
  }
  service_ = caf::actor_cast<caf::actor>(h.service);
  auto companion = static_cast<caf::actor_companion*>(mailbox_->get());
  companion->monitor(service_);
  welcome_when_journaled();
}

void instance::welcome_when_journaled() {
  if (!service_ || !journaled_ || std::exchange(welcomed_, true)) return;
  if (life_.state != instance_state::starting) {
    // Stopped before it could hear of it: it ends without its service ever being constructed.
    tell(service_, wire::stop{std::chrono::nanoseconds(clock::now().time_since_epoch()).count()});
    return;
  }
  auto& c = s_.settings;
  process_settings settings{.log_file = (s_.folder.log_folder() / (name() + ".log")).string(),
                            .log_level = c.manager.log_level,
                            .queue = c.queue,
                            .command_timeout_ms = c.link.command_timeout.count(),
                            .orphan_grace_ms = c.manager.orphan_grace.count()};
  tell(service_, wire::welcome{.instance = name(),
                               .spec = print_json(to_json(started_spec_)),
                               .settings = print_json(json(settings))});
}

void instance::look_up_build() {
  auto pid = main_pid();
  (void)s_.janitor.post([&s = s_, incarnation = incarnation_, pid] {
    s.events.defer([&s, incarnation, build = build_of_process(pid)] {
      if (auto entry = s.by_incarnation.find(incarnation); entry != s.by_incarnation.end())
        entry->second->build_ = build;
    });
  });
}

bool instance::outdated() const {
  return main_pid() > 0 &&
         is_outdated(main_pid(), runs_program() ? std::filesystem::path{} : s_.forks.executable());
}

// -- what comes over the link

void instance::on_message(caf::mailbox_element& element) {
  auto& content = element.content();
  if (content.match_elements<wire::reply_batch>()) {
    auto message = element.move_content_to_message();
    s_.commands.on_replies(link_, message.get_mutable_as<wire::reply_batch>(0));
  } else if (content.match_elements<wire::pong>()) {
    alive_at_ = clock::now();
    s_.commands.on_pong(link_);
  } else if (content.match_elements<wire::hello>()) {
    on_hello(content.get_as<wire::hello>(0));
  } else if (content.match_elements<wire::ready>()) {
    auto& message = content.get_as<wire::ready>(0);
    commands_ = message.commands;
    main_pid_ = message.main_pid;
    actor_ = message.actor;
    look_up_build();
    if (!running()) s_.commands.attach(link_, service_);
    handle(became_ready{});
  } else if (content.match_elements<wire::goodbye>()) {
    auto& why = content.get_as<wire::goodbye>(0).reason;
    said_goodbye_ = true;
    if (service_) tell(service_, wire::farewell{});
    if (!why.empty()) handle(start_failed{why, content.get_as<wire::goodbye>(0).failure});
  } else if (content.match_elements<wire::program_state>()) {
    program_ = content.get_as<wire::program_state>(0);
  } else if (content.match_elements<wire::extend_timeout>()) {
    handle(
        timeout_extended{std::chrono::milliseconds(content.get_as<wire::extend_timeout>(0).by_ms)});
  } else if (content.match_elements<wire::service_event>()) {
    auto& event = content.get_as<wire::service_event>(0);
    auto data = parse_json(event.data);
    if (!data || !data->is_object()) return;
    (*data)["instance"] = name();
    s_.publish(event.type, *data);
  } else if (content.match_elements<wire::job_report>()) {
    if (auto tallies = job_tallies::decode(content.get_as<wire::job_report>(0).tallies))
      s_.tallies.put(incarnation_, std::move(*tallies));
  } else if (content.match_elements<wire::service_call>()) {
    owner_.on_call(*this, content.get_as<wire::service_call>(0));
  } else if (content.match_elements<wire::find_service>()) {
    auto found = owner_.find(content.get_as<wire::find_service>(0).name);
    if (found)
      respond(element, caf::make_message(std::move(found)));
    else
      respond(element, caf::make_message(caf::make_error(caf::sec::no_actor_published_at_port)));
  } else if (content.match_elements<caf::down_msg>()) {
    s_.commands.detach(link_, {errc::not_running, name() + " closed its link", name()});
    service_ = nullptr;
    if (!said_goodbye_) handle(link_lost{});  // else it ends by itself, as it said
  }
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
    s_.by_pid.erase(ended);
    signal_group(ended, SIGKILL);  // what it leaves behind in its group, at once
    s_.forget(ended, name(), [this, known = std::weak_ptr<int>(tree_ = std::make_shared<int>())] {
      if (!known.expired()) handle(tree_gone{});
    });
  }
  forget_process();
  drop_link("ended: " + to_string(status));
  owner_.on_ended(*this, ended, status);
  s_.log.info("{} (pid {}) ended: {}{}{}", name(), ended, life_.reason,
              life_.reason.empty() ? "" : ", ", to_string(status));
  handle(process_ended{status});
  if (ended <= 0) handle(tree_gone{});
}

void instance::forget_process() {
  s_.by_incarnation.erase(incarnation_);
  s_.tallies.end(incarnation_);
  if (s_.cgroups) {
    // Nobody waits for it: the next run has a group of its own.
    fork_request rq{.instance = name(), .incarnation = incarnation_, .token = {}};
    (void)s_.janitor.post([&s = s_, run = rq.run()] { s.cgroups.end(run); });
  }
  if (!s_.disk.post([&s = s_, name = name(), incarnation = incarnation_] {
        if (auto gone = s.store.remove_instance(name, incarnation); !gone)
          s.events.defer([&s, why = gone.error()] { s.on_journal_behind(why); });
      }))
    s_.log.error("the journal is behind: too many writes wait");
}

void instance::drop_link(const std::string& why) {
  if (link_ == 0) return;
  s_.commands.detach(link_, {errc::not_running, name() + " " + why, name()});
  s_.by_link.erase(link_);
  if (mailbox_) {
    end_companion(mailbox_);
    s_.slots.give_back(slot_);
    s_.link_dropped();
  }
  mailbox_ = nullptr;
  service_ = nullptr;
  actor_ = nullptr;
  link_ = 0;
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

// -- supervision

void supervision::on_message(std::uint64_t link, caf::mailbox_element& element) {
  if (auto entry = by_link.find(link); entry != by_link.end()) entry->second->on_message(element);
}

result<std::function<void(unique_fd)>> supervision::on_greeting(received_greeting& greeting,
                                                                const peer& who) {
  auto& said = greeting.document;
  auto role = said.value("role", "");
  if (role == "forks") {
    if (said.value("token", "") != fork_token)
      return fail(errc::conflict, "this is no fork server of this state folder");
    if (greeting.passed.empty()) return fail(errc::bad_request, "a fork server passes its channel");
    // What it started and no journal knows never ran anything: its manager died just then.
    return [this, children = said.value("children", std::vector<pid_t>{}),
            channel = std::make_shared<unique_fd>(std::move(greeting.passed.front()))](unique_fd) {
      forks.take_over(std::move(*channel), children);
      for (auto pid : children)
        if (!by_pid.contains(pid)) forget(pid);
    };
  }
  auto entry = by_pid.find(who.pid);
  if (role != "service" || entry == by_pid.end() ||
      entry->second->name() != said.value("instance", ""))
    return fail(errc::conflict, "this manager knows no such process");
  // Its sockets are good even if it is to end.
  if (entry->second->proves_to_be(said))
    sockets.take_over(entry->second->started_spec().sockets, std::move(greeting.passed));
  return entry->second->on_greeting(said);
}

void supervision::on_journal_behind(const error& why) {
  if (std::exchange(journal_behind, true)) return;
  log.error("the journal is behind, and is written when it can be: {}", to_string(why));
  retry_journal();
}

void supervision::retry_journal() {
  journal_timer.expires_after(std::chrono::seconds{1});
  journal_timer.async_wait([this](error_code ec) {
    if (ec) return;
    auto posted = disk.post([this] {
      events.defer([this, written = store.catch_up()] {
        if (!written) return retry_journal();
        journal_behind = false;
        log.info("the journal is complete again");
      });
    });
    if (!posted) retry_journal();
  });
}

void supervision::watch_limits() {
  limit_timer.expires_after(std::chrono::seconds{2});
  limit_timer.async_wait([this](error_code ec) {
    if (ec) return;
    std::vector<pid_t> limited;
    for (auto& [pid, i] : by_pid)
      if (i->started_spec().memory_max > 0 || i->started_spec().tasks_max > 0)
        limited.push_back(pid);
    watch_limits();
    if (limited.empty()) return;
    (void)janitor.post([this, limited] {
      events.defer([this, limited, usage = tree_usage(limited)] {
        for (std::size_t n = 0; n < limited.size(); ++n)
          if (auto entry = by_pid.find(limited[n]); entry != by_pid.end())
            entry->second->check_limits(usage[n].memory, usage[n].tasks);
      });
    });
  });
}

void supervision::link_dropped() {
  constexpr unsigned together = 64;
  if (++dropped_links % together == 0) events.defer([this] { forget_lost_nodes(system); });
}

void supervision::forget(pid_t pid, const std::string& instance, std::function<void()> gone) {
  if (!forks.forget(pid, instance, std::move(gone))) return;
  orphans_of.push_back(pid);
  events.defer([this] { end_orphans(); });
}

void supervision::end_orphans() {
  forks.collect_earlier();
  auto left = end_unknown_children(
      ::getsid(0), [this](pid_t pid) { return by_pid.contains(pid) || forks.is_ours(pid); });
  if (left.empty()) {
    for (auto pid : std::exchange(orphans_of, {})) forks.ended(pid);
    return;
  }
  orphan_timer.expires_after(std::chrono::milliseconds{20});
  orphan_timer.async_wait([this](error_code ec) {
    if (!ec) end_orphans();
  });
}

}  // namespace sm
