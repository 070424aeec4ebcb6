// The supervisor's services as JSON documents.
#include <algorithm>

#include "manager/supervisor.hpp"
#include "process/proc_stat.hpp"
#include "service/masking.hpp"
#include "text/glob.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

/// How much a state asks for attention: a service shows the loudest of its instances.
int loudness(instance_state state) {
  switch (state) {
    case instance_state::fatal:
      return 6;
    case instance_state::backoff:
      return 5;
    case instance_state::starting:
      return 4;
    case instance_state::stopping:
      return 3;
    case instance_state::running:
      return 2;
    case instance_state::exited:
      return 1;
    case instance_state::stopped:
      return 0;
  }
  return 0;
}

std::int64_t seconds_since(time_point t) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock::now() - t).count();
}

json last_exit(const lifecycle& life) {
  return life.last_exit ? json(to_string(*life.last_exit)) : json(nullptr);
}

void add_usage(json& document, const instance& i) {
  auto pid = i.main_pid();
  document["pid"] = pid > 0 ? json(pid) : json(nullptr);
  if (pid != i.pid()) document["adapter_pid"] = i.pid();
  auto usage = pid > 0 ? read_proc_stat(pid) : std::nullopt;
  document["cpu_seconds"] = usage ? usage->cpu_seconds : 0.0;
  document["memory_bytes"] = usage ? usage->memory_bytes : 0;
  if (!i.program().status_text.empty()) document["status_text"] = i.program().status_text;
  if (i.program().reloading) document["reloading"] = true;
}

tl::unexpected<error> no_such(const std::string& name) {
  return fail(errc::unknown_service, "there is no service called '" + name + "'", name);
}

json instance_view(const managed_service& m, const instance& i) {
  auto& life = i.life();
  json document{{"name", i.name()},
                {"answers_to", m.display_name(i)},
                {"state", to_string(life.state)},
                {"ready", life.ready},
                {"restarts", life.restarts},
                {"since_s", seconds_since(life.since)},
                {"uptime_s", life.state == instance_state::running ? seconds_since(life.since) : 0},
                {"last_exit", last_exit(life)},
                {"last_end", life.last_end.empty() ? json(nullptr) : json(life.last_end)},
                {"reason", life.reason.empty() ? json(nullptr) : json(life.reason)}};
  if (life.next_start) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*life.next_start - clock::now());
    document["next_start_in"] = format_duration(std::max(left, std::chrono::milliseconds{0}));
  }
  if (!i.build().empty()) document["build"] = i.build();
  if (i.outdated()) document["outdated"] = true;
  add_usage(document, i);
  return document;
}

}  // namespace

json supervisor::view(const managed_service& m, bool detailed) const {
  auto& spec = m.spec();
  const instance* loudest = nullptr;
  std::uint64_t restarts = 0;
  unsigned ready = 0, running = 0;
  for (auto& i : m.instances()) {
    restarts += i->life().restarts;
    if (i->pid() > 0) ++running;
    if (i->running()) ++ready;
    if (!loudest || loudness(i->life().state) > loudness(loudest->life().state)) loudest = i.get();
  }
  auto waits = m.desired().enabled && loudest && loudest->does() == duty::waits ? waits_for(m)
                                                                                : std::string{};
  json document{
      {"name", spec.name},
      {"type", spec.type},
      {"group", spec.group},
      {"tags", spec.tags},
      {"state", to_string(loudest ? loudest->life().state : instance_state::stopped)},
      {"desired", m.desired().enabled ? "running" : "stopped"},
      {"origin", to_string(m.desired().origin)},
      {"instances", {{"desired", spec.instances}, {"running", running}, {"ready", ready}}},
      {"ready", m.ready() && m.desired().enabled},
      {"restarts", restarts},
      {"last_exit", loudest ? last_exit(loudest->life()) : json(nullptr)},
      {"reason",
       loudest && !loudest->life().reason.empty() ? json(loudest->life().reason) : json(nullptr)},
      {"node", "local"}};
  if (!m.ready() && m.settled()) document["done"] = true;
  if (!waits.empty()) document["waits_for"] = waits;
  if (auto missing = order_.missing(spec.name); !waits.empty() && !missing.empty())
    document["reason"] = "waiting for unknown service '" + missing + "'";
  if (m.rolling())
    document["rollout"] = "under way";
  else if (!m.rollout_failure().empty())
    document["rollout"] = m.rollout_failure();
  document["uptime_s"] = loudest && loudest->life().state == instance_state::running
                             ? seconds_since(loudest->life().since)
                             : 0;
  if (!detailed && loudest && m.instances().size() == 1) {
    if (!loudest->build().empty()) document["build"] = loudest->build();
    add_usage(document, *loudest);
  }
  if (std::any_of(m.instances().begin(), m.instances().end(),
                  [](auto& i) { return i->outdated(); }))
    document["outdated"] = true;
  json instances = json::array();
  for (auto& i : m.instances())
    if (detailed || m.instances().size() > 1) instances.push_back(instance_view(m, *i));
  if (!instances.empty()) document["instance_list"] = std::move(instances);
  if (detailed) {
    document["spec"] = to_json(spec);
    mask_secrets(document["spec"]);
    document["declared"] = m.desired().declared != nullptr;
    document["commands"] =
        m.instances().empty() ? json::array() : json(m.instances().front()->commands());
  }
  return document;
}

/// A stored service that cannot run.
json supervisor::view_aside(const std::string& name, const std::string& why) const {
  return {{"name", name},
          {"type", nullptr},
          {"group", ""},
          {"tags", json::array()},
          {"state", to_string(instance_state::fatal)},
          {"desired", "running"},
          {"origin", nullptr},
          {"instances", {{"desired", 0}, {"running", 0}, {"ready", 0}}},
          {"ready", false},
          {"restarts", 0},
          {"last_exit", nullptr},
          {"reason", "set aside: " + why},
          {"node", "local"},
          {"uptime_s", 0}};
}

json supervisor::present(const std::string& name) const {
  auto m = lookup(name);
  return m ? view(*m, true) : json{{"name", name}, {"state", "REMOVED"}};
}

json supervisor::list(std::string_view state, std::string_view query) const {
  json rows = json::array();
  for (auto& [name, m] : services_) {
    if (!query.empty() && !glob_match(query, name) && name.find(query) == name.npos) continue;
    auto row = view(*m, false);
    if (!state.empty() && row["state"] != state) continue;
    rows.push_back(std::move(row));
  }
  for (auto& [name, why] : aside_) {
    if (lookup(name)) continue;  // declared by the program, too, or still being stopped
    if (!query.empty() && !glob_match(query, name) && name.find(query) == name.npos) continue;
    auto row = view_aside(name, why);
    if (state.empty() || row["state"] == state) rows.push_back(std::move(row));
  }
  return {{"services", std::move(rows)}};
}

result<json> supervisor::show(const std::string& name) const {
  auto m = lookup(name);
  if (auto aside = aside_.find(name); !m && aside != aside_.end())
    return view_aside(name, aside->second);
  if (!m) return no_such(name);
  return view(*m, true);
}

result<supervisor::log_owners> supervisor::logs_of(const std::string& name) const {
  auto m = lookup(name.substr(0, name.find(':')));
  if (!m) return no_such(name);
  log_owners owners{{}, !m->spec().command.empty()};
  for (auto& i : m->instances())
    if (name == m->spec().name || name == i->name()) owners.instances.push_back(i->name());
  if (owners.instances.empty() && name != m->spec().name) return no_such(name);
  return owners;
}

bool supervisor::ready(std::string* why_not) const {
  bool all = true;
  for (auto& [name, m] : services_) {
    if (!m->desired().enabled || m->desired().removed || m->settled()) continue;
    all = false;
    if (why_not)
      *why_not += "[-]" + name + " " + view(*m, false)["state"].get<std::string>() + "\n";
  }
  return all;
}

}  // namespace sm
