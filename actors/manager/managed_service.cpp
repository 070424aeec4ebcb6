#include "manager/managed_service.hpp"

#include <algorithm>

#include "service/overloaded.hpp"

namespace sm {

managed_service::managed_service(supervision& s, service_owner& owner, desired_service desired)
    : s_(s), owner_(owner), desired_(std::move(desired)) {
  fit(desired_.spec);
}

namespace {

/// The policy leaves what has ended so.
bool stays_ended(const service_spec& spec, const instance_end& end) {
  return spec.restart == restart_policy::never || (spec.restart == restart_policy::on_failure &&
                                                   !end.failed && is_success(spec, end.status));
}

}  // namespace

managed_service* find_service(const service_table& services, std::string_view name) {
  auto entry = services.find(name);
  return entry == services.end() ? nullptr : entry->second.get();
}

bool managed_service::ready() const {
  if (desired_.removed || instances_.size() < desired_.spec.instances) return false;
  return std::all_of(instances_.begin(), instances_.end(), [](auto& i) {
    return i->does() == duty::leaves || i->does() == duty::stands_in || i->running();
  });
}

bool managed_service::settled() const {
  if (desired_.removed || instances_.size() < desired_.spec.instances) return false;
  return std::all_of(instances_.begin(), instances_.end(), [&](auto& i) {
    auto& life = i->life();
    return i->does() == duty::leaves || i->does() == duty::stands_in || i->running() ||
           (i->does() != duty::waits && life.state == instance_state::exited && !life.failed &&
            is_success(desired_.spec, life.last_exit));
  });
}

bool managed_service::at_rest() const {
  return std::all_of(instances_.begin(), instances_.end(),
                     [](auto& i) { return sm::at_rest(i->life().state); });
}

bool managed_service::waits() const {
  return std::any_of(instances_.begin(), instances_.end(),
                     [](auto& i) { return i->does() == duty::waits; });
}

const instance* managed_service::awaited() const {
  for (auto& i : instances_)
    if (i->awaited()) return i.get();
  return nullptr;
}

service_progress managed_service::progress() const {
  return {.enabled = desired_.enabled,
          .ready = settled(),
          .at_rest = at_rest(),
          .rolling = rolling(),
          .rolled_back = !rollout_failure_.empty(),
          .instances = static_cast<unsigned>(instances_.size()),
          .wanted = desired_.spec.instances};
}

instance& managed_service::add_instance(duty does) {
  auto index = static_cast<unsigned>(instances_.size());
  return *instances_.emplace_back(std::make_unique<instance>(s_, *this, index, does));
}

void managed_service::heed(occasion what, const std::string& why) {
  for (auto& i : instances_) i->heed(what, desired_.enabled, why);
}

void managed_service::become(desired_service wanted, const desired_change& why) {
  if (!std::holds_alternative<undo_rollout>(why)) rollout_failure_.clear();
  auto before = std::exchange(desired_, std::move(wanted)).spec;
  if (desired_.removed)
    heed(occasion::removed);
  else
    fit(before);
  follow(why);
}

/// Makes the number of instances, and what they run, as the specification says.
void managed_service::fit(const service_spec& before) {
  auto& spec = desired_.spec;
  // A change in the middle of a rollout: what it began with is still what to go back to.
  auto go_back_to = goes_back_to() ? *goes_back_to() : before;
  if (spec != before) {
    end_rollout();
    for (auto& i : instances_) i->on_spec_changed();
  }
  for (auto& i : instances_)
    i->heed(i->index() < spec.instances ? occasion::counted_in : occasion::counted_out,
            desired_.enabled);
  while (instances_.size() < spec.instances)
    add_instance(desired_.enabled ? duty::waits : duty::serves);
  if (spec == before || !desired_.enabled) return;
  // What came to rest as another thing than is wanted now has its turn again.
  for (auto& i : instances_)
    if (i->does() == duty::serves && i->gave_up_or_ended() &&
        needs_restart(i->started_spec(), spec))
      i->heed(occasion::start, true);
  if (auto changed = outdated(); !changed.empty()) {
    // Going back has nothing further to go back to.
    auto failure = rollout_failure_;
    roll_out(std::move(changed), failure.empty() ? std::optional(go_back_to) : std::nullopt);
    rollout_failure_ = std::move(failure);
  }
}

/// What a change asks of the processes beyond what the specification says.
void managed_service::follow(const desired_change& c) {
  std::visit(overloaded{
                 [&](const start_service&) { heed(occasion::start); },
                 [&](const stop_service&) {
                   end_rollout();
                   heed(occasion::stop);
                 },
                 [&](const restart_service&) { heed(occasion::restart); },
                 [&](const reload_service&) { roll_out(serving(), std::nullopt); },
                 [&](const reset_service&) {
                   for (auto& i : instances_) i->handle(reset_requested{});
                 },
                 [&](const undo_rollout&) { heed(occasion::undone); },
                 [](const auto&) {},
             },
             c);
}

void managed_service::adopt(const journaled_instance& row, unsigned index) {
  if (row.end) {
    // What is wanted by now may be another thing than what has ended, or another policy.
    if (desired_.enabled && !desired_.removed && index < desired_.spec.instances &&
        !needs_restart(row.spec, desired_.spec) && stays_ended(desired_.spec, *row.end))
      instances_[index]->found_ended(row);
    else
      s_.journal.remove_instance(row.name, row.incarnation);
    return;
  }
  while (instances_.size() <= index) add_instance(duty::leaves);
  instances_[index]->found(row, desired_.enabled && !desired_.removed);
}

void managed_service::drop_left() {
  while (!instances_.empty() && instances_.back()->does() == duty::leaves &&
         sm::at_rest(instances_.back()->life().state))
    instances_.pop_back();
}

// -- rollouts

std::vector<unsigned> managed_service::serving() const {
  std::vector<unsigned> all;
  for (auto& i : instances_)
    if (i->does() == duty::serves) all.push_back(i->index());
  return all;
}

/// Those whose process was started with what needs another one now.
std::vector<unsigned> managed_service::outdated() const {
  std::vector<unsigned> found;
  for (auto index : serving()) {
    auto& i = *instances_[index];
    if (!sm::at_rest(i.life().state) && needs_restart(i.started_spec(), desired_.spec))
      found.push_back(index);
  }
  return found;
}

void managed_service::roll_out(std::vector<unsigned> outdated, std::optional<service_spec> before) {
  end_rollout();
  rollout_failure_.clear();
  if (outdated.empty()) return;
  auto& spec = desired_.spec;
  rollout_.emplace(active_rollout{.steps = rollout({.instances = spec.instances,
                                                    .batch = spec.reload.batch,
                                                    .start_first = starts_first(spec),
                                                    .outdated = std::move(outdated)}),
                                  .first_number = s_.processes.next_number(),
                                  .before = std::move(before)});
  step_rollout();
}

void managed_service::step() {
  catch_up();
  step_rollout();
}

/// What an earlier manager left half done.
void managed_service::catch_up() {
  if (awaited() || s_.ending) return;
  if (std::exchange(look_for_outdated_, false))
    if (auto found = outdated(); !found.empty()) return roll_out(std::move(found), std::nullopt);
  if (!rollout_ && ready()) end_rollout();  // nobody needs its stand-ins any more
}

void managed_service::end_rollout() {
  rollout_.reset();
  heed(occasion::rollout_over);
}

std::vector<slot_view> managed_service::slots() const {
  std::vector<slot_view> all;
  for (auto& i : instances_) {
    slot_view slot;
    slot.fresh = i->incarnation() >= rollout_->first_number;
    slot.ready = i->running();
    auto started = rollout_->restarts.find(i->index());
    slot.failed = started != rollout_->restarts.end() && slot.fresh && !slot.ready &&
                  (i->life().restarts > started->second || sm::at_rest(i->life().state));
    slot.why = i->life().last_end;
    all.push_back(std::move(slot));
  }
  return all;
}

void managed_service::step_rollout() {
  if (!rollout_) return;
  auto& r = *rollout_;
  auto step = r.steps.next(slots());
  for (auto index : step.start_extra) {
    while (instances_.size() <= index) add_instance(duty::stands_in);
    auto& i = *instances_[index];
    r.restarts[index] = i.life().restarts;
    i.heed(occasion::extra, desired_.enabled);
  }
  for (auto index : step.replace) {
    auto& i = *instances_[index];
    r.restarts[index] = i.life().restarts;
    i.handle(restart_requested{});
  }
  if (!step.over) return;
  auto before = std::move(r.before);
  end_rollout();
  if (!step.rolled_back.empty()) roll_back(step.rolled_back, desired_.spec, std::move(before));
  owner_.on_rollout_over(*this);
}

/// The new ones do not become ready: what was wanted before is wanted again.
void managed_service::roll_back(const std::string& why, const service_spec& failed,
                                std::optional<service_spec> before) {
  auto& name = desired_.spec.name;
  rollout_failure_ = "rolled back: the new instance did not become ready: " + why;
  s_.log.error("{}: {}", name, rollout_failure_);
  s_.publish("service.rolled_back", {{"service", name}, {"reason", why}});
  if (before) owner_.on_rolled_back({name, failed, std::move(*before)});
}

}  // namespace sm
