#include "service/plan.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "service/masking.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

using secret_names = std::vector<std::string>;

void add_differences(const json& before, const json& after, const std::string& at,
                     std::vector<field_change>& out) {
  if (before == after) return;
  if (!before.is_object() || !after.is_object()) {
    out.push_back({at, before, after});
    return;
  }
  std::set<std::string> keys;
  for (auto* side : {&before, &after})
    for (auto& entry : side->items()) keys.insert(entry.key());
  for (auto& key : keys)
    add_differences(before.value(key, json()), after.value(key, json()), at + pointer_to(key), out);
}

std::string instance_of(const std::string& service, unsigned index) {
  return service + ":" + std::to_string(index);
}

/// Which processes there would be, and which of them are those that there are.
void tell_processes(service_change& c, const desired_service* present) {
  auto wanted_count = [](const desired_service* d) {
    return d && d->enabled && !d->removed ? d->spec.instances : 0U;
  };
  unsigned before = wanted_count(present), after = wanted_count(&c.wanted);
  bool renewed = present && needs_restart(present->spec, c.wanted.spec);
  for (unsigned i = 0; i < std::max(before, after); ++i) {
    auto& list = i >= after ? c.stopped : i >= before ? c.started : renewed ? c.replaced : c.kept;
    list.push_back(instance_of(c.name, i));
  }
}

/// Each after those that it depends on; where they wait for each other, which is refused elsewhere,
/// by name.
std::vector<const service_spec*> in_order(const std::vector<const service_spec*>& all) {
  std::map<std::string, const service_spec*> left;
  for (auto* spec : all) left[spec->name] = spec;
  std::vector<const service_spec*> sorted;
  while (!left.empty()) {
    auto waits = [&](const service_spec& spec) {
      for (auto* names : {&spec.after, &spec.requires_})
        for (auto& name : *names)
          if (name != spec.name && left.contains(name)) return true;
      return false;
    };
    auto next =
        std::find_if(left.begin(), left.end(), [&](auto& entry) { return !waits(*entry.second); });
    if (next == left.end()) next = left.begin();
    sorted.push_back(next->second);
    left.erase(next);
  }
  return sorted;
}

json fields_document(const std::vector<field_change>& fields, const secret_names* hidden) {
  json list = json::array();
  for (auto& f : fields) {
    json row{{"field", f.field}, {"before", f.before}, {"after", f.after}};
    if (hidden)
      for (auto* side : {"before", "after"}) row[side] = masked_at(f.field, row[side], *hidden);
    list.push_back(std::move(row));
  }
  return list;
}

/// The parameters that are secrets after the change, or were before it.
secret_names secrets_of(const service_change& c) {
  auto all = c.wanted.spec.secret_params;
  for (auto* fields : {&c.fields, &c.by_hand})
    for (auto& f : *fields)
      for (auto* side : {&f.before, &f.after})
        if (f.field == "/secret_params" && side->is_array())
          for (auto& name : *side) all.push_back(name.get<std::string>());
  return all;
}

}  // namespace

std::string_view to_string(plan_action action) noexcept {
  switch (action) {
    case plan_action::add:
      return "add";
    case plan_action::change:
      return "change";
    case plan_action::remove:
      return "remove";
    case plan_action::keep:
      return "keep";
  }
  return "keep";
}

std::vector<field_change> differences(const json& before, const json& after) {
  std::vector<field_change> all;
  add_differences(before, after, "", all);
  return all;
}

bool service_plan::empty() const noexcept {
  return std::all_of(changes.begin(), changes.end(),
                     [](auto& c) { return c.action == plan_action::keep; });
}

service_plan make_plan(const std::vector<desired_service>& present,
                       const std::vector<declared_service>& declared, bool overwrite) {
  std::map<std::string, service_change> rows;
  std::map<std::string, const desired_service*> known;
  for (auto& p : present) known[p.spec.name] = &p;
  for (auto& d : declared) {
    auto& name = d.spec.name;
    auto found = known.find(name);
    auto* now = found == known.end() ? nullptr : found->second;
    service_change c{.name = name, .wanted = follow(now, d, overwrite)};
    bool there = now && !now->removed;
    if (!there && !c.wanted.removed) {
      c.action = plan_action::add;
    } else if (now && (now->spec != c.wanted.spec || now->removed != c.wanted.removed)) {
      c.action = plan_action::change;
      c.fields = differences(to_json(now->spec), to_json(c.wanted.spec));
    } else {
      c.by_hand = differences(to_json(d.spec), to_json(c.wanted.spec));
    }
    if (!c.wanted.removed || there) tell_processes(c, there ? now : nullptr);
    rows.emplace(name, std::move(c));
  }
  for (auto& p : present) {
    auto& name = p.spec.name;
    if (rows.contains(name)) continue;
    service_change c{.name = name, .wanted = p};
    if (p.declared) {
      // Removed by hand before: nothing is left to do but to forget it.
      c.action = plan_action::remove;
      c.wanted.removed = true;
      c.wanted.declared = nullptr;
    }
    if (!p.removed) tell_processes(c, &p);
    rows.emplace(name, std::move(c));
  }
  std::vector<const service_spec*> specs;
  specs.reserve(rows.size());
  for (auto& [name, c] : rows)
    specs.push_back(c.action == plan_action::remove ? &known.at(name)->spec : &c.wanted.spec);
  auto sorted = in_order(specs);
  service_plan plan;
  for (auto spec = sorted.rbegin(); spec != sorted.rend(); ++spec)
    if (auto& c = rows.at((*spec)->name); c.action == plan_action::remove)
      plan.changes.push_back(c);
  for (auto* spec : sorted)
    if (auto& c = rows.at(spec->name); c.action != plan_action::remove) plan.changes.push_back(c);
  return plan;
}

json to_document(const service_plan& plan, bool hide_secrets) {
  json list = json::array();
  for (auto& c : plan.changes) {
    auto secrets = secrets_of(c);
    auto* hidden = hide_secrets ? &secrets : nullptr;
    json row{{"kind", "service"},
             {"name", c.name},
             {"action", to_string(c.action)},
             {"origin", to_string(c.wanted.origin)},
             {"fields", fields_document(c.fields, hidden)},
             {"processes",
              {{"replaced", c.replaced},
               {"kept", c.kept},
               {"started", c.started},
               {"stopped", c.stopped}}}};
    if (!c.by_hand.empty()) row["by_hand"] = fields_document(c.by_hand, hidden);
    if (c.action == plan_action::keep && c.wanted.removed) row["removed_by_hand"] = true;
    if (c.action == plan_action::add) {
      row["spec"] = to_json(c.wanted.spec);
      if (hide_secrets) mask_secrets(row["spec"]);
    }
    list.push_back(std::move(row));
  }
  return list;
}

}  // namespace sm
