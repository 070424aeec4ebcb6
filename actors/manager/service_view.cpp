// The supervisor's services as JSON. The listing is asked for all the time, of thousands of
// services: it is written as text at once.
#include <algorithm>

#include "json_writer.hpp"
#include "manager/supervisor.hpp"
#include "security/service_scope.hpp"
#include "service/masking.hpp"
#include "text/glob.hpp"
#include "text/units.hpp"

namespace sm {
namespace {

constexpr std::size_t row_size = 512;  // of the listing's text: more than most services take

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

void add_last_exit(json_writer& out, const std::optional<exit_status>& last) {
  out.name("last_exit");
  if (last)
    out.value(to_string(*last));
  else
    out.value(nullptr);
}

/// The text, null for none.
void add_text(json_writer& out, std::string_view name, std::string_view text) {
  out.name(name);
  if (text.empty())
    out.value(nullptr);
  else
    out.value(text);
}

void add_usage(json_writer& out, const instance& i, usage_board& known,
               const chosen_members& only = {}) {
  auto pid = i.main_pid();
  if (only.has("pid")) {
    out.name("pid");
    if (pid > 0)
      out.value(pid);
    else
      out.value(nullptr);
  }
  if (pid != i.pid() && only.has("adapter_pid")) out.member("adapter_pid", i.pid());
  auto usage = pid > 0 ? known.of(pid) : nullptr;
  if (only.has("cpu_seconds")) out.member("cpu_seconds", usage ? usage->cpu_seconds : 0.0);
  if (only.has("memory_bytes")) out.member("memory_bytes", usage ? usage->memory_bytes : 0);
  auto& said = i.program();
  if (!said.status_text.empty() && only.has("status_text"))
    out.member("status_text", said.status_text);
  if (said.reloading && only.has("reloading")) out.member("reloading", true);
}

tl::unexpected<error> no_such(const std::string& name) {
  return fail(errc::unknown_service, "there is no service called '" + name + "'", name);
}

std::int64_t uptime_of(const lifecycle& life) {
  return life.state == instance_state::running ? seconds_since(life.since) : 0;
}

void write_instance(json_writer& out, const managed_service& m, const instance& i,
                    usage_board& usage, present_files& files) {
  auto& life = i.life();
  out.begin_object();
  out.member("name", i.name());
  out.member("answers_to", m.display_name(i));
  out.member("state", to_string(life.state));
  out.member("ready", life.ready);
  out.member("restarts", life.restarts);
  out.member("since_s", seconds_since(life.since));
  out.member("uptime_s", uptime_of(life));
  add_last_exit(out, life.last_exit);
  add_text(out, "last_end", life.last_end);
  add_text(out, "reason", life.reason);
  if (life.next_start) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*life.next_start - clock::now());
    out.member("next_start_in", format_duration(std::max(left, std::chrono::milliseconds{0})));
  }
  if (!i.build().empty()) out.member("build", i.build());
  if (i.outdated(files)) out.member("outdated", true);
  add_usage(out, i, usage);
  out.end_object();
}

/// Whose state the service shows; null when it has no instance.
const instance* loudest_of(const managed_service& m) {
  const instance* loudest = nullptr;
  for (auto& i : m.instances())
    if (!loudest || loudness(i->life().state) > loudness(loudest->life().state)) loudest = i.get();
  return loudest;
}

instance_state state_of(const managed_service& m) {
  auto loudest = loudest_of(m);
  return loudest ? loudest->life().state : instance_state::stopped;
}

/// What is said of all instances together.
void add_totals(json_writer& out, const managed_service& m, const chosen_members& only,
                present_files& files) {
  std::uint64_t restarts = 0;
  unsigned ready = 0, running = 0;
  bool outdated = false, looks = only.has("outdated");
  for (auto& i : m.instances()) {
    restarts += i->life().restarts;
    if (i->pid() > 0) ++running;
    if (i->running()) ++ready;
    outdated = outdated || (looks && i->outdated(files));
  }
  if (only.has("instances")) {
    out.name("instances");
    out.begin_object();
    out.member("desired", m.spec().instances);
    out.member("running", running);
    out.member("ready", ready);
    out.end_object();
  }
  if (only.has("restarts")) out.member("restarts", restarts);
  if (outdated) out.member("outdated", true);
}

void add_instance_list(json_writer& out, const managed_service& m, usage_board& usage,
                       present_files& files) {
  if (m.instances().empty()) return;
  out.name("instance_list");
  out.begin_array();
  for (auto& i : m.instances()) write_instance(out, m, *i, usage, files);
  out.end_array();
}

void add_details(json_writer& out, const managed_service& m) {
  auto spec = to_json(m.spec());
  mask_secrets(spec);
  out.member("spec", spec);
  out.member("declared", m.desired().declared != nullptr);
  out.name("commands");
  if (m.instances().empty())
    out.value(json::array());
  else
    out.value(json(m.instances().front()->commands()));
}

}  // namespace

void supervisor::write_view(json_writer& out, const managed_service& m,
                            const chosen_members* listed, present_files& files) const {
  auto only = listed ? *listed : chosen_members{};
  auto add = [&](service_member member, const auto& value) {
    if (only.has(member)) out.member(service_members[member.place], value);
  };
  auto& spec = m.spec();
  auto loudest = loudest_of(m);
  auto waits = m.desired().enabled && loudest && loudest->does() == duty::waits ? waits_for(m)
                                                                                : std::string{};
  out.begin_object();
  out.member("name", spec.name);
  add("type", spec.type);
  add("group", spec.group);
  add("tags", spec.tags);
  add("node", "local");
  out.member("state", to_string(state_of(m)));
  add("desired", m.desired().enabled ? "running" : "stopped");
  add("origin", to_string(m.desired().origin));
  add("ready", m.ready() && m.desired().enabled);
  if (!m.ready() && m.settled()) add("done", true);
  add_totals(out, m, only, files);
  if (only.has("reason")) {
    auto missing = waits.empty() ? std::string{} : order_.missing(spec.name);
    if (!missing.empty())
      out.member("reason", "waiting for unknown service '" + missing + "'");
    else
      add_text(out, "reason", loudest ? std::string_view(loudest->life().reason) : "");
  }
  if (!waits.empty()) add("waits_for", waits);
  if (m.rolling())
    add("rollout", "under way");
  else if (!m.rollout_failure().empty())
    add("rollout", m.rollout_failure());
  if (only.has("last_exit")) add_last_exit(out, loudest ? loudest->life().last_exit : std::nullopt);
  add("uptime_s", loudest ? uptime_of(loudest->life()) : 0);
  if (listed && loudest && m.instances().size() == 1) {
    if (!loudest->build().empty()) add("build", loudest->build());
    add_usage(out, *loudest, s_.usage, only);
  }
  if (!listed || (m.instances().size() > 1 && only.has("instance_list")))
    add_instance_list(out, m, s_.usage, files);
  if (!listed) add_details(out, m);
  out.end_object();
}

json supervisor::view(const managed_service& m) const {
  std::string text;
  json_writer out(text);
  present_files files;
  write_view(out, m, nullptr, files);
  return json::parse(text);  // however deep its parameters are: it is our own
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
  return m ? view(*m) : json{{"name", name}, {"state", "REMOVED"}};
}

promise<json_text> supervisor::list(const listing_query& wanted) const {
  promise<json_text> answer;
  auto look = [this, answer, wanted] {
    answer.set(guarded("the listing of services", [&] { return view_all(wanted); }));
  };
  if (wanted.members.need_usage())
    with_usage(look);
  else
    look();
  return answer;
}

void supervisor::with_usage(std::function<void()> then) const {
  std::vector<pid_t> pids;
  for (auto& [name, m] : services_)
    for (auto& i : m->instances())
      if (auto pid = i->main_pid(); pid > 0) pids.push_back(pid);
  s_.usage.refresh(std::move(pids), [this, then = std::move(then)] {
    for (auto& [name, m] : services_)
      for (auto& i : m->instances())
        if (auto pid = i->main_pid(); pid > 0)
          if (auto known = s_.usage.of(pid)) i->follow_executable(known->executable);
    then();
  });
}

promise<std::vector<service_figures>> supervisor::figures() const {
  promise<std::vector<service_figures>> answer;
  with_usage([this, answer] {
    answer.set(guarded("the figures of services", [&] { return figures_now(); }));
  });
  return answer;
}

std::vector<service_figures> supervisor::figures_now() const {
  std::vector<service_figures> all;
  all.reserve(services_.size());
  for (auto& [name, m] : services_) {
    auto& figures = all.emplace_back();
    figures.name = name;
    figures.state = state_of(*m);
    // What has ended well, and shall not run again, is wanted no more.
    bool settled = !m->ready() && m->settled();
    figures.desired = m->desired().enabled && !settled ? m->spec().instances : 0;
    figures.counted = m->counted();
    if (auto loudest = loudest_of(*m)) {
      auto up = loudest->life().state == instance_state::running
                    ? clock::now() - loudest->life().since
                    : clock::duration{};
      figures.uptime_seconds = std::chrono::duration<double>(up).count();
    }
    for (auto& i : m->instances()) {
      if (i->running()) ++figures.ready;
      if (i->pid() > 0) ++figures.running;
      auto pid = i->main_pid();
      if (pid <= 0) continue;
      // A counter that is 0 for a while would be taken for one that began anew.
      if (auto used = s_.usage.of(pid))
        figures.processes.push_back({i->name(), used->cpu_seconds, used->memory_bytes});
    }
  }
  for (auto& [name, why] : aside_)
    if (!lookup(name)) all.push_back({.name = name, .state = instance_state::fatal});
  return all;
}

json_text supervisor::view_all(const listing_query& query) const {
  std::size_t found = 0;
  auto last =
      query.limit == 0 ? std::numeric_limits<std::size_t>::max() : query.offset + query.limit;
  auto wanted = [&](const std::string& name, instance_state shown) {
    if (!in_scope(query.scope, name)) return false;
    auto& part = query.name;
    if (!part.empty() && !glob_match(part, name) && name.find(part) == name.npos) return false;
    if (!query.state.empty() && to_string(shown) != query.state) return false;
    ++found;
    return found > query.offset && found <= last;
  };
  std::string text;
  text.reserve(std::min(services_.size(), last) * row_size);
  json_writer out(text);
  present_files files;
  out.begin_object();
  out.name("services");
  out.begin_array();
  for (auto& [name, m] : services_)
    if (wanted(name, state_of(*m))) write_view(out, *m, &query.members, files);
  for (auto& [name, why] : aside_) {
    if (lookup(name)) continue;  // declared by the program, too, or still being stopped
    if (wanted(name, instance_state::fatal)) out.value(query.members.of(view_aside(name, why)));
  }
  out.end_array();
  if (query.limit > 0) {
    out.member("total", found);
    out.name("next");
    if (found > last)
      out.value(last);
    else
      out.value(nullptr);
  }
  out.end_object();
  return {std::move(text)};
}

result<json> supervisor::show(const std::string& name) const {
  auto m = lookup(name);
  if (auto aside = aside_.find(name); !m && aside != aside_.end())
    return view_aside(name, aside->second);
  if (!m) return no_such(name);
  return view(*m);
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
    if (why_not) *why_not += "[-]" + name + " " + std::string(to_string(state_of(*m))) + "\n";
  }
  return all;
}

}  // namespace sm
