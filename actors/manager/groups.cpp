#include "manager/groups.hpp"

#include <algorithm>

namespace sm {

std::vector<group_spec> groups::specs() const {
  std::vector<group_spec> all;
  for (auto& [name, g] : groups_) all.push_back(g.spec);
  return all;
}

void groups::set(const std::vector<group_spec>& specs) {
  std::erase_if(groups_, [&](auto& entry) {
    return std::none_of(specs.begin(), specs.end(), [&](auto& g) { return g.name == entry.first; });
  });
  for (auto& spec : specs) groups_[spec.name].spec = spec;
}

void groups::on_restarted(const managed_service& m, const instance& i) {
  auto entry = groups_.find(m.spec().group);
  if (entry == groups_.end() || s_.ending || m.rolling()) return;
  auto& g = entry->second;
  if (exceeds_intensity(g.restarts, g.spec.intensity, clock::now()))
    return fail(g, "its members were restarted too often, the last one was " + i.name());
  std::vector<std::string> members;
  for (auto& [name, other] : services_)
    if (other->spec().group == g.spec.name && other->desired().enabled) members.push_back(name);
  auto affected =
      affected_members(g.spec.strategy, m.spec().name, members,
                       [this](const std::string& name) { return order_.successors(name); });
  if (g.spec.strategy == group_strategy::one_for_all) affected.push_back(m.spec().name);
  for (auto& name : affected) {
    for (auto& other : services_.at(name)->instances()) {
      if (other.get() == &i || other->does() == duty::leaves || at_rest(other->life().state))
        continue;
      s_.log.info("{} is restarted with its group, because {} was", other->name(), i.name());
      other->heed(occasion::group_restart, true);
    }
  }
}

void groups::on_fatal(const managed_service& m, const instance& i) {
  if (m.rolling() || i.life().reason.starts_with("group ")) return;
  if (auto g = groups_.find(m.spec().group); g != groups_.end())
    fail(g->second, i.name() + " is FATAL: " + i.life().reason);
}

void groups::fail(state& g, const std::string& why) {
  auto reason = "group " + g.spec.name + " failed: " + why;
  s_.log.error("{}", reason);
  s_.publish("group.failed", {{"group", g.spec.name}, {"reason", why}});
  g.restarts.clear();
  // Not now: this is called in the middle of an instance's own work.
  s_.events.defer([this, group = g.spec.name, reason] {
    for (auto& [name, m] : services_) {
      if (m->spec().group != group) continue;
      m->end_rollout();
      m->heed(occasion::group_failed, reason);
      touch_(name);
    }
  });
}

const instance* groups::stopping_member(const std::string& group) const {
  auto g = groups_.find(group);
  if (g == groups_.end() || g->second.spec.strategy == group_strategy::one_for_one) return nullptr;
  for (auto& [name, m] : services_) {
    if (m->spec().group != group) continue;
    for (auto& i : m->instances())
      if (i->does() == duty::waits && i->life().state == instance_state::stopping) return i.get();
  }
  return nullptr;
}

}  // namespace sm
