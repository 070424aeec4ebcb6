#include "manager/supervisor.hpp"

#include <algorithm>
#include <set>

#include "process/instance_name.hpp"
#include "process/system_call_filter.hpp"
#include "system/signal_names.hpp"

namespace sm {

supervisor::supervisor(supervision& s, const registry& types, const std::vector<group_spec>& groups,
                       on_instance_ended ended)
    : s_(s),
      types_(types),
      ended_(std::move(ended)),
      groups_(s, services_, order_, groups, [this](auto& name) { touch(name); }),
      commands_(s.commands, services_, s.log, s.settings.link.command_timeout),
      changes_(s.journal, *this),
      waits_(s.events) {}
supervisor::~supervisor() = default;

bool supervisor::any_of(const std::function<bool(const desired_service&)>& f) const {
  return std::any_of(services_.begin(), services_.end(), [&](auto& entry) {
    return !entry.second->desired().removed && f(entry.second->desired());
  });
}

result<void> supervisor::start(std::vector<desired_service> services,
                               const std::vector<journaled_instance>& left,
                               const std::vector<unreadable_row>& unreadable) {
  for (auto& row : unreadable) set_aside(row.name, row.reason);
  std::vector<std::string> unfit;
  for (auto& wanted : services) {
    auto ok = check(wanted);
    if (ok) ok = order_.put(wanted.spec);
    if (ok) continue;
    // The author of the program mends what it declares; what was stored keeps nobody from running.
    if (wanted.declared) return ok;
    set_aside(wanted.spec.name, ok.error());
    unfit.push_back(wanted.spec.name);
  }
  std::erase_if(services, [&](auto& wanted) {
    return std::find(unfit.begin(), unfit.end(), wanted.spec.name) != unfit.end();
  });
  for (auto& wanted : services) {
    auto name = wanted.spec.name;
    if (wanted.removed)
      removed_by_hand_[name] = std::move(wanted);
    else
      services_[name] = make_service(std::move(wanted));
  }
  for (auto& row : left) adopt(row);
  // Declared otherwise than when they were started.
  for (auto& [name, m] : services_) {
    m->look_for_outdated();
    touch(name);
  }
  for (auto& [name, m] : services_) say_doubts(name);
  start_what_can();
  return {};
}

std::unique_ptr<managed_service> supervisor::make_service(desired_service wanted) {
  return std::make_unique<managed_service>(s_, static_cast<service_owner&>(*this),
                                           std::move(wanted));
}

/// A misspelt name keeps a service from starting, or from its place in the order, for ever.
void supervisor::say_doubts(const std::string& name) const {
  for (auto& doubt : order_.doubts(name)) s_.log.warn("{} {}", name, doubt);
}

void supervisor::set_aside(const std::string& name, const error& why) {
  s_.log.error("the stored service {} is set aside: {}", name, to_string(why));
  aside_[name] = to_string(why);
}

/// Takes up what an earlier manager left, be it wanted still or not.
void supervisor::adopt(const journaled_instance& row) {
  auto parts = parse_instance_name(row.name);
  if (!parts) return;  // the store has no such rows
  if (row.end && !lookup(row.spec.name))
    return s_.journal.remove_instance(row.name, row.incarnation);
  auto& m = services_[row.spec.name];
  if (!m) {
    auto unwanted = desired_service{.spec = row.spec, .enabled = false, .removed = true};
    unwanted.spec.instances = 0;
    m = make_service(std::move(unwanted));
  }
  m->adopt(row, parts->index);
}

// -- changes

result<void> supervisor::check(const desired_service& wanted) const {
  if (auto ok = validate(wanted.spec); !ok) return ok;
  if (auto ok = check_system_call_filter(wanted.spec.system_call_filter); !ok) return ok;
  return check_type(types_, wanted.spec);
}

result<desired_service> supervisor::decide(const desired_change& c) {
  auto& name = service_of(c);
  auto there = lookup(name);
  auto wanted =
      apply({.wanted = there ? &there->desired() : nullptr, .set_aside = aside_.contains(name)}, c);
  if (!wanted || wanted->removed) return wanted;
  if (auto ok = check(*wanted); !ok) return tl::unexpected<error>(ok.error());
  if (auto ok = order_.put(wanted->spec); !ok) return tl::unexpected<error>(ok.error());
  return wanted;
}

bool supervisor::is_present(const desired_service& wanted) const {
  auto there = lookup(wanted.spec.name);
  return there && there->desired() == wanted;
}

void supervisor::undecide(const std::string& service) {
  if (auto there = lookup(service))
    (void)order_.put(there->spec());
  else
    order_.remove(service);
  touch(service);
}

void supervisor::carry_out(asked_change c, const desired_service& wanted) {
  auto& name = service_of(c.what);
  auto m = lookup(name);
  aside_.erase(name);
  removed_by_hand_.erase(name);
  if (wanted.removed && wanted.declared) removed_by_hand_[name] = wanted;
  // Those that were secrets before it are not told either.
  auto secrets = wanted.spec.secret_params;
  if (m)
    secrets.insert(secrets.end(), m->spec().secret_params.begin(), m->spec().secret_params.end());
  auto by = to_string(c.by);
  s_.log.info("changed by {}: {}", by, print_json(to_json(c.what, secrets)));
  if (wanted.removed) {
    order_.remove(name);
    if (m) s_.publish("service.removed", {{"service", name}, {"by", by}});
    for (auto& other : order_.successors(name)) say_doubts(other);
  } else if (!m) {
    m = (services_[name] = make_service(wanted)).get();
    s_.publish("service.added", {{"service", name}, {"by", by}});
    say_doubts(name);
  } else if (m->spec().after != wanted.spec.after || m->spec().requires_ != wanted.spec.requires_) {
    say_doubts(name);
  }
  if (m) m->become(wanted, c.what);
  start_what_can();
  touch(name);
  auto end = goal_of(c.what);
  if (c.wait.timeout.count() <= 0 || reached(end, progress_of(name)))
    c.done.set_value(present(name));
  else
    waits_.add(name, end, c.wait.timeout, c.done);
}

std::optional<service_progress> supervisor::progress_of(const std::string& name) const {
  auto m = lookup(name);
  return m ? std::optional(m->progress()) : std::nullopt;
}

void supervisor::check_waiting(const std::string& name) {
  if (waits_.empty()) return;
  auto m = lookup(name);
  waits_.check(
      name, progress_of(name), [&] { return present(name); },
      m ? m->rollout_failure() : std::string());
}

promise<json> supervisor::signal_service(const std::string& name, const std::string& signal,
                                         const principal& by) {
  promise<json> answer;
  auto m = lookup(name);
  if (!m) {
    answer.set_error({errc::unknown_service, "there is no service called '" + name + "'", name});
    return answer;
  }
  auto number = parse_signal(signal);
  if (!number) {
    answer.set_error({errc::bad_arguments, number.error().detail, "/signal"});
    return answer;
  }
  json signalled = json::array();
  for (auto& i : m->instances())
    if (i->deliver_signal(*number)) signalled.push_back(m->display_name(*i));
  s_.log.info("signal {} to {} by {}", signal, print_json(signalled), to_string(by));
  if (signalled.empty())
    answer.set_error({errc::not_running, "no instance of '" + name + "' runs", name});
  else
    answer.set_value({{"signalled", signalled}});
  return answer;
}

// -- what a service tells

void supervisor::on_changed(managed_service& m, instance& i, bool restarted) {
  if (restarted) groups_.on_restarted(m, i);
  if (i.life().state == instance_state::fatal) groups_.on_fatal(m, i);
  check_waiting(m.spec().name);
  touch(m.spec().name);
}

void supervisor::on_process_ended(const managed_service& m, const instance& i, pid_t pid) {
  ended_(m.spec().type, i.started_spec().params, pid);
}

caf::strong_actor_ptr supervisor::find(const std::string& service) {
  return commands_.find(service);
}

void supervisor::on_rollout_over(managed_service& m) { check_waiting(m.spec().name); }

void supervisor::on_rolled_back(undo_rollout undo) { changes_.submit(std::move(undo)); }

void supervisor::on_call(instance& i, wire::service_call asked) {
  call c{.target = std::move(asked.target),
         .command = std::move(asked.command),
         .arguments = std::move(asked.arguments),
         .timeout = std::chrono::milliseconds(asked.timeout_ms),
         .caller = i.name(),
         .trace = asked.trace};
  auto answer = asked.gather ? commands_.broadcast(c) : commands_.send(c);
  answer.then([&s = s_, link = i.link(), id = asked.id](result<json_text> outcome) {
    auto who = s.processes.link(link);
    if (!who) return;
    wire::reply r{.id = id, .code = wire::reply_ok, .text = {}, .where = {}};
    if (outcome) {
      r.text = std::move(outcome->text);
    } else {
      r.code = static_cast<std::uint8_t>(outcome.error().code);
      r.text = outcome.error().detail;
      r.where = outcome.error().where;
    }
    who->reply({{std::move(r)}});
  });
}

// -- order

std::string supervisor::waits_for(const managed_service& m) const {
  // The processes of an earlier manager bring the sockets.
  if (!m.spec().sockets.empty())
    if (auto i = m.awaited()) return i->name();
  // A group that is restarted together starts when all of it has stopped.
  if (auto i = groups_.stopping_member(m.spec().group)) return i->name();
  auto& needed = order_.required(m.spec().name);
  for (auto& name : needed)
    if (auto other = lookup(name); !other || !other->settled() || other->spec().instances == 0)
      return name;
  for (auto& name : order_.predecessors(m.spec().name)) {
    if (needed.contains(name)) continue;
    auto other = lookup(name);
    if (!other) continue;
    auto& all = other->instances();
    bool under_way = std::any_of(all.begin(), all.end(), [](auto& i) {
      return i->does() == duty::waits || i->life().state == instance_state::starting;
    });
    if (under_way) return name;
  }
  return {};
}

void supervisor::start_what_can() {
  if (s_.in_turn == 0) return;
  for (auto& [name, m] : services_)
    if (m->waits() && !on_all_stopped_ && waits_for(*m).empty()) m->heed(occasion::turn);
}

/// Something of the service changed: looks later at what follows from that, for it and for others.
void supervisor::touch(const std::string& name) {
  bool first = touched_.empty();
  touched_.insert(name);
  // Not now: whoever calls may be in the middle of an instance's own work.
  if (first) s_.events.defer([this] { tidy(); });
}

/// Goes on with the rollouts of what was touched, forgets what is at rest there and not wanted any
/// more, closes the sockets nobody will accept from, and starts what waited for it.
void supervisor::tidy() {
  auto touched = std::exchange(touched_, {});
  for (auto& name : touched)
    if (auto m = lookup(name)) m->step();
  for (auto& name : touched) forget_what_left(name);
  close_unused_sockets();
  start_what_can();
  continue_shutdown();
}

void supervisor::forget_what_left(const std::string& name) {
  auto m = lookup(name);
  if (!m) return;
  m->drop_left();
  if (m->desired().removed && m->instances().empty()) {
    services_.erase(name);
    // A new one of the name must not meet what this one leaves.
    changes_.hold(name);
    s_.on_removed(name, [this, name] { changes_.release(name); });
    check_waiting(name);
  } else if (m->instances().size() == m->spec().instances) {
    check_waiting(name);
  }
}

void supervisor::close_unused_sockets() {
  if (s_.sockets.empty()) return;
  std::set<std::string> addresses;
  auto keep = [&](const service_spec& spec) {
    addresses.insert(spec.sockets.begin(), spec.sockets.end());
  };
  for (auto& [name, m] : services_) {
    if (auto before = m->goes_back_to()) keep(*before);
    for (auto& i : m->instances()) {
      // Whoever connects between two runs waits for the next one.
      if (i->does() == duty::waits || i->life().state == instance_state::backoff) keep(m->spec());
      if (at_rest(i->life().state)) continue;
      keep(m->spec());
      if (i->pid() > 0) keep(i->started_spec());
    }
  }
  s_.sockets.keep_only(addresses);
}

// -- the end

void supervisor::shutdown(std::function<void()> done) {
  on_all_stopped_ = std::move(done);
  changes_.close();
  s_.events.defer([this] { continue_shutdown(); });
}

void supervisor::continue_shutdown() {
  if (!on_all_stopped_) return;
  bool all = true;
  for (auto& [name, m] : services_) {
    if (!m->at_rest()) all = false;
    auto later = order_.successors(name);
    bool held = std::any_of(later.begin(), later.end(), [&](auto& other) {
      auto successor = lookup(other);
      return successor && !successor->at_rest();
    });
    if (!held) m->heed(occasion::shutdown);
  }
  if (all) std::exchange(on_all_stopped_, [] {})();
}

void supervisor::hurry() {
  for (auto& [name, m] : services_)
    for (auto& i : m->instances()) {
      i->handle(stop_requested{});
      i->handle(kill_requested{});
    }
}

}  // namespace sm
