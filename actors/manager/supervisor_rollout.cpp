// Carries out rollouts, and what the failure of one service means for its group.
#include <algorithm>

#include "manager/supervisor.hpp"

namespace sm {

// -- rollouts

std::vector<unsigned> supervisor::all_instances(const managed_service& m) {
  std::vector<unsigned> all;
  for (auto& i : m.instances_)
    if (!i->retiring && !i->stand_in && !i->start_wanted) all.push_back(i->index());
  return all;
}

/// Those whose process was started with what needs another one now.
std::vector<unsigned> supervisor::outdated_instances(const managed_service& m) {
  std::vector<unsigned> outdated;
  for (auto index : all_instances(m)) {
    auto& i = *m.instances_[index];
    if (!at_rest(i.life().state) && needs_restart(i.started_spec(), m.spec()))
      outdated.push_back(index);
  }
  return outdated;
}

void supervisor::roll_out(managed_service& m, std::vector<unsigned> outdated,
                          std::optional<service_spec> before) {
  end_rollout(m);
  m.rollout_failure_.clear();
  if (outdated.empty()) return;
  m.rollout_.emplace(
      managed_service::active_rollout{.steps = rollout({.instances = m.spec().instances,
                                                        .batch = m.spec().reload.batch,
                                                        .start_first = starts_first(m.spec()),
                                                        .outdated = std::move(outdated)}),
                                      .first_number = s_.next_number,
                                      .before = std::move(before)});
  step_rollout(m);
}

/// What an earlier manager left half done.
void supervisor::catch_up(managed_service& m) {
  bool awaited =
      std::any_of(m.instances_.begin(), m.instances_.end(), [](auto& i) { return i->awaited(); });
  if (awaited || on_all_stopped_) return;
  if (std::exchange(m.look_for_outdated_, false))
    if (auto outdated = outdated_instances(m); !outdated.empty())
      return roll_out(m, std::move(outdated), std::nullopt);
  if (!m.rollout_ && m.ready()) end_rollout(m);  // nobody needs its stand-ins any more
}

void supervisor::end_rollout(managed_service& m) {
  m.rollout_.reset();
  for (auto& i : m.instances_)
    if (std::exchange(i->stand_in, false)) {
      i->retiring = true;
      i->start_wanted = false;
      i->handle(stop_requested{});
    }
}

void supervisor::step_rollout(managed_service& m) {
  if (!m.rollout_) return;
  auto& r = *m.rollout_;
  std::vector<slot_view> slots;
  for (auto& i : m.instances_) {
    slot_view slot;
    slot.fresh = i->incarnation() >= r.first_number;
    slot.ready = i->running();
    auto started = r.restarts.find(i->index());
    slot.failed = started != r.restarts.end() && slot.fresh && !slot.ready &&
                  (i->life().restarts > started->second || at_rest(i->life().state));
    slot.why = i->life().last_end;
    slots.push_back(std::move(slot));
  }
  auto step = r.steps.next(slots);
  for (auto index : step.start_extra) {
    while (m.instances_.size() <= index)
      m.instances_.push_back(
          std::make_unique<instance>(s_, m, static_cast<unsigned>(m.instances_.size())));
    auto& i = *m.instances_[index];
    i.stand_in = true;
    i.retiring = false;
    r.restarts[index] = i.life().restarts;
    i.handle(start_requested{});
  }
  for (auto index : step.replace) {
    auto& i = *m.instances_[index];
    r.restarts[index] = i.life().restarts;
    i.handle(restart_requested{});
  }
  if (!step.over) return;
  auto before = std::move(r.before);
  auto failed = m.spec();
  end_rollout(m);
  if (!step.rolled_back.empty()) roll_back(m, step.rolled_back, failed, std::move(before));
  check_waiting(m.spec().name);
}

/// The new ones do not become ready: what was wanted before is wanted again.
void supervisor::roll_back(managed_service& m, const std::string& why, const service_spec& failed,
                           std::optional<service_spec> before) {
  m.rollout_failure_ = "rolled back: the new instance did not become ready: " + why;
  s_.log.error("{}: {}", m.spec().name, m.rollout_failure_);
  s_.publish("service.rolled_back", {{"service", m.spec().name}, {"reason", why}});
  if (!before) return;
  submit({.name = m.spec().name,
          .make = [before = *before,
                   failed](const desired_service* present) -> result<desired_service> {
            if (!present || present->removed || needs_restart(present->spec, failed))
              return fail(errc::cancelled, "changed meanwhile");
            auto wanted = *present;
            take_process_fields(wanted.spec, before);
            return wanted;
          },
          .then =
              [](managed_service* service) {
                // Those that gave up on the new one.
                for (auto& i : service->instances())
                  if (!i->retiring && !i->stand_in && at_rest(i->life().state))
                    i->start_wanted = true;
              },
          .end_state = {},
          .wait = {},
          .done = {},
          .goes_back = true});
}

// -- groups

void supervisor::on_member_restarted(managed_service& m, const instance& i) {
  auto entry = groups_.find(m.spec().group);
  if (entry == groups_.end() || on_all_stopped_ || m.rollout_) return;
  auto& g = entry->second;
  if (exceeds_intensity(g.restarts, g.spec.intensity, clock::now()))
    return fail_group(g, "its members were restarted too often, the last one was " + i.name());
  std::vector<std::string> members;
  for (auto& [name, other] : services_)
    if (other->spec().group == g.spec.name && other->desired_.enabled) members.push_back(name);
  auto affected =
      affected_members(g.spec.strategy, m.spec().name, members,
                       [this](const std::string& name) { return order_.successors(name); });
  if (g.spec.strategy == group_strategy::one_for_all) affected.push_back(m.spec().name);
  for (auto& name : affected) {
    for (auto& other : services_.at(name)->instances_) {
      if (other.get() == &i || other->retiring || at_rest(other->life().state)) continue;
      s_.log.info("{} is restarted with its group, because {} was", other->name(), i.name());
      other->start_wanted = true;
      other->handle(stop_requested{});
    }
  }
}

void supervisor::fail_group(group_state& g, const std::string& why) {
  auto reason = "group " + g.spec.name + " failed: " + why;
  s_.log.error("{}", reason);
  s_.publish("group.failed", {{"group", g.spec.name}, {"reason", why}});
  g.restarts.clear();
  // Not now: this is called in the middle of an instance's own work.
  s_.events.defer([this, group = g.spec.name, reason] {
    for (auto& [name, m] : services_) {
      if (m->spec().group != group) continue;
      end_rollout(*m);
      for (auto& i : m->instances_) {
        i->start_wanted = false;
        i->handle(condemned{reason});
      }
    }
  });
}

}  // namespace sm
