#include "program/manager_state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "builtin/queue_clock.hpp"
#include "log/process_log.hpp"
#include "process/proc_stat.hpp"
#include "queue/declaration.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

/// Rows of another boot are dropped: their processes are gone, and their pids mean somebody else.
result<std::vector<journaled_instance>> left_instances(state_store& store, const logger& log) {
  auto left = store.instances();
  if (!left) return tl::unexpected<error>(left.error());
  for (auto& row : left->unreadable)
    log.error("the journaled process {} is not adopted: {}", row.name, to_string(row.reason));
  // On a full disk they are still there for the next manager, to whom they mean as little.
  auto is_of_now = [](auto& row) { return row.boot == (row.end ? system_run() : boot_id()); };
  for (auto& row : left->rows)
    if (!is_of_now(row)) (void)store.remove_instance(row.name, row.incarnation);
  std::erase_if(left->rows, [&](auto& row) { return !is_of_now(row); });
  return std::move(left->rows);
}

/// One name for each state folder.
std::string cgroup_name(const state_folder& folder) {
  return fmt::format("sm-{:016x}", std::hash<std::string>{}(folder.path().string()));
}

/// Ends what no journal knows any more.
void end_strangers(const cgroup_root& cgroups, const std::vector<journaled_instance>& known) {
  for (auto& run : cgroups.runs())
    if (std::none_of(known.begin(), known.end(), [&](auto& row) {
          return !row.end && run == row.name + "." + std::to_string(row.incarnation);
        }))
      cgroups.end(run);
}

}  // namespace

result<manager_state> open_manager_state(const config& settings) {
  auto folder = state_folder::open(settings.manager.state);
  if (!folder) return tl::unexpected<error>(folder.error());
  auto token = folder->token();
  if (!token) return tl::unexpected<error>(token.error());
  auto log = open_log({.file = folder->log_folder() / "manager.log",
                       .instance = "manager",
                       .level = settings.manager.log_level,
                       .to_stderr = true});
  log_caught_to(log);
  auto fork_secret = folder->secret("forks");
  if (!fork_secret) log.warn("fork servers are not adopted: {}", to_string(fork_secret.error()));
  auto store = state_store::open(folder->path() / "state.db");
  if (!store) return tl::unexpected<error>(store.error());
  auto stored = store->services();
  if (!stored) return tl::unexpected<error>(stored.error());
  auto left = left_instances(*store, log);
  if (!left) return tl::unexpected<error>(left.error());
  return manager_state{.folder = std::move(*folder),
                       .token = std::move(*token),
                       .log = log,
                       .fork_token = fork_secret ? *fork_secret : random_hex(32),
                       .store = std::move(*store),
                       .stored = std::move(*stored),
                       .left = std::move(*left)};
}

result<void> put_readable(state_store& store, std::vector<desired_service> wanted,
                          const std::vector<unreadable_row>& unreadable) {
  std::erase_if(wanted, [&](auto& row) {
    return std::any_of(unreadable.begin(), unreadable.end(),
                       [&](auto& other) { return other.name == row.spec.name; });
  });
  return store.put_services(wanted);
}

std::set<std::string> names_of(const std::vector<desired_service>& wanted,
                               const std::vector<unreadable_row>& unreadable,
                               const std::vector<journaled_instance>& left) {
  std::set<std::string> names;
  for (auto& service : wanted)
    if (!service.removed) names.insert(service.spec.name);
  for (auto& row : unreadable) names.insert(row.name);
  for (auto& row : left)
    if (!row.end) names.insert(row.spec.name);
  return names;
}

cgroup_root open_cgroups(const manager_state& state, const std::string& setting) {
  cgroup_root cgroups;
  if (std::string why; setting != "never") {
    cgroups = cgroup_root::make(cgroup_name(state.folder), why);
    if (!cgroups && setting == "always")
      state.log.warn("manager.cgroups=always, but instances get no control groups: {}", why);
  }
  end_strangers(cgroups, state.left);
  return cgroups;
}

std::map<std::string, queue_limits> declared_before(const std::vector<desired_service>& stored) {
  std::map<std::string, queue_limits> limits;
  for (auto& row : stored) {
    if (row.spec.name != clock_name || !row.declared) continue;
    auto& params = row.declared->params;
    auto all = params.is_object() ? params.value("limits", json::object()) : json::object();
    for (auto& entry : all.items()) limits[entry.key()] = {};
  }
  return limits;
}

void say_doubts(const declarations& wanted, const std::vector<std::string>& job_types,
                const logger& log) {
  queue_declaration declared{
      .schedules = wanted.schedules, .limits = wanted.limits, .job_types = job_types};
  for (auto& c : wanted.consumers)
    declared.queues.insert(declared.queues.end(), c.queues.begin(), c.queues.end());
  for (auto& doubt : doubts(declared)) log.warn("{}", doubt);
}

}  // namespace sm
