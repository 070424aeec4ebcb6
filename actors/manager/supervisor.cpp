#include "manager/supervisor.hpp"

#include <algorithm>
#include <csignal>

#include "process/instance_name.hpp"
#include "service/selector.hpp"
#include "system/signal_names.hpp"
#include "text/units.hpp"

namespace sm {
// -- managed_service

bool managed_service::ready() const {
  if (desired_.removed || instances_.size() < desired_.spec.instances) return false;
  return std::all_of(instances_.begin(), instances_.end(),
                     [](auto& i) { return i->retiring || i->stand_in || i->running(); });
}

bool managed_service::at_rest() const {
  return std::all_of(instances_.begin(), instances_.end(),
                     [](auto& i) { return sm::at_rest(i->life().state); });
}

void managed_service::on_changed(instance& i) { supervisor_.on_changed(*this, i); }

void managed_service::on_ended(instance& i, pid_t pid, const exit_status&) {
  supervisor_.ended_(desired_.spec.type, i.started_spec().params, pid);
}

caf::strong_actor_ptr managed_service::find(const std::string& service) {
  return supervisor_.find(service);
}

void managed_service::on_call(instance& i, wire::service_call call) {
  auto timeout = std::chrono::milliseconds(call.timeout_ms);
  auto answer = call.gather
                    ? supervisor_.broadcast(call.target, call.command, call.arguments, timeout)
                    : supervisor_.send(call.target, call.command, call.arguments, timeout);
  answer.then([&s = supervisor_.s_, link = i.link(), id = call.id](result<json_text> outcome) {
    auto entry = s.by_link.find(link);
    if (entry == s.by_link.end()) return;
    wire::reply r{.id = id, .code = wire::reply_ok, .text = {}, .where = {}};
    if (outcome) {
      r.text = std::move(outcome->text);
    } else {
      r.code = static_cast<std::uint8_t>(outcome.error().code);
      r.text = outcome.error().detail;
      r.where = outcome.error().where;
    }
    entry->second->reply({{std::move(r)}});
  });
}

// -- supervisor

supervisor::supervisor(supervision& s, const registry& types, std::vector<group_spec> groups,
                       on_instance_ended ended)
    : s_(s), types_(types), ended_(std::move(ended)) {
  for (auto& g : groups) groups_[g.name].spec = g;
}
supervisor::~supervisor() = default;

managed_service* supervisor::lookup(const std::string& name) const {
  auto entry = services_.find(name);
  return entry == services_.end() ? nullptr : entry->second.get();
}

bool supervisor::any_of(const std::function<bool(const desired_service&)>& f) const {
  return std::any_of(services_.begin(), services_.end(), [&](auto& entry) {
    return !entry.second->desired().removed && f(entry.second->desired());
  });
}

result<void> supervisor::check(const desired_service& wanted) const {
  if (auto ok = validate(wanted.spec); !ok) return ok;
  return check_type(types_, wanted.spec);
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
    if (!wanted.declared.is_null()) return ok;
    set_aside(wanted.spec.name, ok.error());
    unfit.push_back(wanted.spec.name);
  }
  std::erase_if(services, [&](auto& wanted) {
    return std::find(unfit.begin(), unfit.end(), wanted.spec.name) != unfit.end();
  });
  for (auto& wanted : services) {
    if (wanted.removed) {
      removed_by_hand_[wanted.spec.name] = wanted;
      continue;
    }
    auto name = wanted.spec.name;
    auto& m = services_[name] = std::make_unique<managed_service>(*this, std::move(wanted));
    reconcile(*m, m->spec());
  }
  for (auto& row : left) adopt(row);
  // Declared otherwise than when they were started.
  for (auto& [name, m] : services_) m->look_for_outdated_ = m->desired_.enabled;
  for (auto& [name, m] : services_) say_doubts(name);
  start_what_can();
  return {};
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
  auto index = parts->index;
  auto& m = services_[row.spec.name];
  if (!m) {
    m = std::make_unique<managed_service>(
        *this, desired_service{.spec = row.spec, .enabled = false, .removed = true});
    m->desired_.spec.instances = 0;
  }
  while (m->instances_.size() <= index) {
    m->instances_.push_back(
        std::make_unique<instance>(s_, *m, static_cast<unsigned>(m->instances_.size())));
    m->instances_.back()->retiring = true;
  }
  auto& i = *m->instances_[index];
  bool wanted = m->desired_.enabled && !m->desired_.removed;
  // One beyond the number may be all that is ready of an interrupted rollout.
  if (wanted && std::exchange(i.retiring, false)) i.stand_in = true;
  i.found(row, wanted);
}

// -- changes: one after the other, so that each is checked against the outcome of the one before

promise<json> supervisor::submit(change c) {
  auto done = c.done;
  if (on_all_stopped_) {
    done.set_error({errc::shutting_down, "the manager is shutting down", {}});
    return done;
  }
  changes_.push_back(std::move(c));
  next_change();
  return done;
}

void supervisor::next_change() {
  if (changing_ || changes_.empty() || leaving_.contains(changes_.front().name)) return;
  auto c = std::move(changes_.front());
  changes_.pop_front();
  auto present = lookup(c.name);
  auto wanted = c.make(present ? &present->desired() : nullptr);
  if (wanted && !wanted->removed)
    if (auto ok = check(*wanted); !ok) wanted = tl::unexpected<error>(ok.error());
  if (wanted && !wanted->removed)
    if (auto ok = order_.put(wanted->spec); !ok) wanted = tl::unexpected<error>(ok.error());
  if (!wanted) {
    c.done.set_error(wanted.error());
    return next_change();
  }
  if (present && present->desired() == *wanted) {
    carry_out(std::move(c), *wanted);
    return next_change();
  }
  changing_ = true;
  auto shared = std::make_shared<change>(std::move(c));
  auto write = [this, shared, row = *wanted] {
    auto written = row.removed && row.declared.is_null() ? s_.store.remove_service(row.spec.name)
                                                         : s_.store.put_service(row);
    s_.events.defer([this, shared, row, written] {
      changing_ = false;
      if (written) {
        carry_out(std::move(*shared), row);
      } else {
        if (auto m = lookup(shared->name)) (void)order_.put(m->spec());
        shared->done.set_error(written.error());
      }
      next_change();
    });
  };
  if (!s_.disk.post(std::move(write))) {
    changing_ = false;
    if (auto m = lookup(shared->name)) (void)order_.put(m->spec());
    shared->done.set_error({errc::overloaded, "too many writes wait for the disk", {}});
    s_.events.defer([this] { next_change(); });
  }
}

void supervisor::carry_out(change c, const desired_service& wanted) {
  auto m = lookup(c.name);
  aside_.erase(c.name);
  removed_by_hand_.erase(c.name);
  if (wanted.removed && !wanted.declared.is_null()) removed_by_hand_[c.name] = wanted;
  if (wanted.removed) {
    order_.remove(c.name);
    if (m) {
      m->desired_ = wanted;
      s_.publish("service.removed", {{"service", c.name}});
    }
    for (auto& other : order_.successors(c.name)) say_doubts(other);
  } else if (!m) {
    auto& fresh = services_[c.name] = std::make_unique<managed_service>(*this, wanted);
    m = fresh.get();
    s_.publish("service.added", {{"service", c.name}});
    reconcile(*m, wanted.spec);
    say_doubts(c.name);
  } else {
    if (!c.goes_back) m->rollout_failure_.clear();
    auto before = std::exchange(m->desired_, wanted).spec;
    reconcile(*m, before);
    if (before.after != wanted.spec.after || before.requires_ != wanted.spec.requires_)
      say_doubts(c.name);
  }
  if (m && wanted.removed)
    for (auto& i : m->instances_) {
      i->retiring = true;
      i->start_wanted = false;
      i->handle(stop_requested{});
    }
  if (m && c.then) c.then(m);
  start_what_can();
  schedule_tidy();
  if (c.wait.timeout.count() <= 0 || !c.end_state || c.end_state(lookup(c.name))) {
    c.done.set_value(present(c.name));
    return;
  }
  auto number = next_waiting_++;
  auto timer = std::make_unique<asio::steady_timer>(s_.events.context(), c.wait.timeout);
  timer->async_wait([this, number, timeout = c.wait.timeout](error_code ec) {
    // By its number: a timer that has expired fires even if its waiter was answered meanwhile.
    auto late =
        std::find_if(waiting_.begin(), waiting_.end(), [&](auto& w) { return w.number == number; });
    if (ec || late == waiting_.end()) return;
    auto done = late->done;
    auto name = late->name;
    waiting_.erase(late);
    done.set_error({errc::timeout, "not there within " + format_duration(timeout), name});
  });
  waiting_.push_back({number, c.name, c.end_state, c.done, std::move(timer)});
}

void supervisor::check_waiting(const std::string& name) {
  // Answered later: who is answered may ask for the next change at once, in the middle of this one.
  std::list<waiting> there;
  for (auto entry = waiting_.begin(); entry != waiting_.end();) {
    auto next = std::next(entry);
    if (entry->name == name && entry->end_state(lookup(name)))
      there.splice(there.end(), waiting_, entry);
    entry = next;
  }
  if (there.empty()) return;
  auto m = lookup(name);
  s_.events.defer([there = std::move(there), shown = present(name),
                   failure = m ? m->rollout_failure() : std::string()]() mutable {
    for (auto& w : there)
      if (failure.empty())
        w.done.set_value(shown);
      else
        w.done.set_error({errc::conflict, failure, w.name});
  });
}

/// Makes the number of instances, and what they run, fit the specification.
void supervisor::reconcile(managed_service& m, const service_spec& before) {
  auto& spec = m.spec();
  // A change in the middle of a rollout: what it began with is still what to go back to.
  auto go_back_to = m.rollout_ && m.rollout_->before ? *m.rollout_->before : before;
  if (spec != before) {
    end_rollout(m);
    for (auto& i : m.instances_) i->on_spec_changed();
  }
  for (auto& i : m.instances_) {
    bool surplus = i->index() >= spec.instances && !i->stand_in;
    if (surplus && !i->retiring) {
      i->retiring = true;
      i->start_wanted = false;
      i->handle(stop_requested{});
    } else if (!surplus && i->retiring) {
      i->retiring = false;
      i->start_wanted = m.desired_.enabled;
    }
  }
  while (m.instances_.size() < spec.instances) {
    m.instances_.push_back(
        std::make_unique<instance>(s_, m, static_cast<unsigned>(m.instances_.size())));
    m.instances_.back()->start_wanted = m.desired_.enabled;
  }
  if (spec == before || !m.desired_.enabled) return;
  if (auto outdated = outdated_instances(m); !outdated.empty()) {
    // Going back has nothing further to go back to.
    bool going_back = !m.rollout_failure_.empty();
    auto failure = m.rollout_failure_;
    roll_out(m, std::move(outdated), going_back ? std::nullopt : std::optional(go_back_to));
    m.rollout_failure_ = std::move(failure);
  }
}

// -- order

std::string supervisor::waits_for(const managed_service& m) const {
  // The processes of an earlier manager bring the sockets.
  if (!m.spec().sockets.empty())
    for (auto& i : m.instances_)
      if (i->awaited()) return i->name();
  // A group that is restarted together starts when all of it has stopped.
  if (auto g = groups_.find(m.spec().group);
      g != groups_.end() && g->second.spec.strategy != group_strategy::one_for_one)
    for (auto& [name, other] : services_)
      if (other->spec().group == g->first)
        for (auto& i : other->instances_)
          if (i->start_wanted && i->life().state == instance_state::stopping) return i->name();
  auto& needed = order_.required(m.spec().name);
  for (auto& name : needed)
    if (auto other = lookup(name); !other || !other->ready() || other->spec().instances == 0)
      return name;
  for (auto& name : order_.predecessors(m.spec().name)) {
    if (needed.contains(name)) continue;
    auto other = lookup(name);
    if (!other) continue;
    bool under_way = std::any_of(other->instances_.begin(), other->instances_.end(), [](auto& i) {
      return i->start_wanted || i->life().state == instance_state::starting;
    });
    if (under_way) return name;
  }
  return {};
}

bool supervisor::may_start(const managed_service& m) const {
  return !on_all_stopped_ && waits_for(m).empty();
}

void supervisor::start_what_can() {
  for (auto& [name, m] : services_) {
    bool wanted = std::any_of(m->instances_.begin(), m->instances_.end(),
                              [](auto& i) { return i->start_wanted; });
    if (!wanted || !may_start(*m)) continue;
    for (auto& i : m->instances_)
      if (i->start_wanted && sm::at_rest(i->life().state)) {
        i->start_wanted = false;
        i->handle(start_requested{});
      }
  }
}

void supervisor::on_changed(managed_service& m, instance& i) {
  auto& life = i.life();
  if (life.restarts > i.restarts_seen) on_member_restarted(m, i);
  i.restarts_seen = life.restarts;
  if (life.state == instance_state::fatal && !m.rollout_ && !life.reason.starts_with("group "))
    if (auto g = groups_.find(m.spec().group); g != groups_.end())
      fail_group(g->second, i.name() + " is FATAL: " + life.reason);
  check_waiting(m.spec().name);
  schedule_tidy();
}

void supervisor::schedule_tidy() {
  if (std::exchange(tidy_scheduled_, true)) return;
  // Not now: whoever calls may be in the middle of an instance's own work.
  s_.events.defer([this] {
    tidy_scheduled_ = false;
    for (auto& [name, m] : services_) {
      catch_up(*m);
      step_rollout(*m);
    }
    tidy();
    start_what_can();
    continue_shutdown();
  });
}

/// Forgets what is at rest and not wanted any more, and closes the sockets nobody will accept from.
void supervisor::tidy() {
  for (auto entry = services_.begin(); entry != services_.end();) {
    auto& m = *entry->second;
    while (!m.instances_.empty() && m.instances_.back()->retiring &&
           at_rest(m.instances_.back()->life().state))
      m.instances_.pop_back();
    if (m.desired_.removed && m.instances_.empty()) {
      auto name = entry->first;
      entry = services_.erase(entry);
      // A new one of the name must not meet what this one leaves.
      leaving_.insert(name);
      s_.on_removed(name, [this, name] {
        leaving_.erase(name);
        next_change();
      });
      check_waiting(name);
    } else {
      if (m.instances_.size() == m.spec().instances) check_waiting(entry->first);
      ++entry;
    }
  }
  std::set<std::string> addresses;
  auto keep = [&](const service_spec& spec) {
    addresses.insert(spec.sockets.begin(), spec.sockets.end());
  };
  for (auto& [name, m] : services_) {
    if (m->rollout_ && m->rollout_->before) keep(*m->rollout_->before);
    for (auto& i : m->instances_) {
      // Whoever connects between two runs waits for the next one.
      if (i->start_wanted || i->life().state == instance_state::backoff) keep(m->spec());
      if (at_rest(i->life().state)) continue;
      keep(m->spec());
      if (i->pid() > 0) keep(i->started_spec());
    }
  }
  s_.sockets.keep_only(addresses);
}

// -- commands

/// The configured one for 0; bounded, because a service may ask with any number.
std::chrono::milliseconds supervisor::call_timeout(std::chrono::milliseconds asked) const {
  if (asked.count() <= 0) return s_.settings.link.command_timeout;
  return std::min<std::chrono::milliseconds>(asked, std::chrono::hours(24));
}

promise<json_text> supervisor::send(const std::string& to, const std::string& command,
                                    const std::string& arguments,
                                    std::chrono::milliseconds timeout) {
  timeout = call_timeout(timeout);
  auto colon = to.find(':');
  auto m = lookup(colon == to.npos ? to : to.substr(0, colon));
  if (!m) return failed<json_text>(errc::unknown_service, no_such_service(to).detail, to);
  auto& all = m->instances_;
  if (colon != to.npos) {
    for (auto& i : all)
      if (i->name() == to) {
        if (!i->running())
          return failed<json_text>(errc::not_running,
                                   to + " is " + std::string(to_string(i->life().state)), to);
        return start_call(s_.commands, i->link(), command, arguments, timeout);
      }
    return failed<json_text>(errc::unknown_service, "there is no instance called '" + to + "'", to);
  }
  // In turn, but past those that are stuck as long as another one is not.
  const instance* stuck = nullptr;
  for (std::size_t n = 0; n < all.size(); ++n) {
    auto& i = *all[m->turn_++ % all.size()];
    if (!i.running()) continue;
    if (s_.commands.overdue(i.link()))
      stuck = &i;
    else
      return start_call(s_.commands, i.link(), command, arguments, timeout);
  }
  if (stuck) return start_call(s_.commands, stuck->link(), command, arguments, timeout);
  auto state =
      all.empty() ? std::string("scaled to 0") : std::string(to_string(all.front()->life().state));
  return failed<json_text>(errc::not_running, "no instance of '" + to + "' is ready: " + state, to);
}

/// While a rollout replaces an instance, an extra one answers for it.
const instance* supervisor::stand_in_of(const managed_service& m) {
  for (auto& i : m.instances_)
    if (i->stand_in && i->running()) return i.get();
  return nullptr;
}

promise<json_text> supervisor::broadcast(const std::string& select, const std::string& command,
                                         const std::string& arguments,
                                         std::chrono::milliseconds timeout) {
  timeout = call_timeout(timeout);
  std::vector<gather_target> targets;
  targets.reserve(services_.size());
  for (auto& [name, m] : services_) {
    if (m->desired_.removed || !m->desired_.enabled || !selects(select, m->spec())) continue;
    for (auto& i : m->instances_) {
      if (i->retiring || i->stand_in) continue;
      auto* who = i->running() ? i.get() : stand_in_of(*m);
      gather_target t{m->display_name(*i), who ? who->link() : 0, {}};
      if (t.process == 0)
        t.why_not = {errc::not_running, std::string(to_string(i->life().state)), {}};
      targets.push_back(std::move(t));
    }
  }
  if (targets.empty() && select.find_first_of("*?:,") == select.npos && !lookup(select))
    return failed<json_text>(errc::unknown_service, no_such_service(select).detail, select);
  return start_gather(s_.commands, std::move(targets), command, arguments, timeout);
}

caf::strong_actor_ptr supervisor::find(const std::string& service) const {
  auto m = lookup(service);
  if (!m) return nullptr;
  for (auto& i : m->instances_)
    if (i->running()) return i->actor();
  return nullptr;
}

// -- the end

void supervisor::shutdown(std::function<void()> done) {
  on_all_stopped_ = std::move(done);
  for (auto& c : std::exchange(changes_, {}))
    c.done.set_error({errc::shutting_down, "the manager is shutting down", {}});
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
    if (held) continue;
    for (auto& i : m->instances_) {
      i->start_wanted = false;
      if (i->life().state != instance_state::stopped && i->life().state != instance_state::stopping)
        i->handle(stop_requested{});
    }
  }
  if (all) std::exchange(on_all_stopped_, [] {})();
}

void supervisor::hurry() {
  for (auto& [name, m] : services_)
    for (auto& i : m->instances_) {
      i->handle(stop_requested{});
      i->handle(kill_requested{});
    }
}

}  // namespace sm
