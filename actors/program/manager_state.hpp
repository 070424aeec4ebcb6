// What a manager finds when it starts: its state folder, what was wanted, and what an earlier
// manager left running.
#pragma once

#include <map>
#include <set>
#include <sm/job.hpp>
#include <sm/log.hpp>

#include "manager/declared_program.hpp"
#include "process/cgroup.hpp"
#include "store/state_folder.hpp"
#include "store/state_store.hpp"

namespace sm {

struct manager_state {
  state_folder folder;
  std::string token;  ///< of the API
  logger log;
  std::string fork_token;  ///< by which fork servers of an earlier manager are known
  state_store store;
  stored_rows<desired_service> stored{};
  std::vector<journaled_instance> left{};  ///< of this boot, which may still run
};

/// Opens the state folder of `settings`, whose log is the manager's from here on, and reads what is
/// there.
result<manager_state> open_manager_state(const config& settings);

/// What is wanted, but for rows that cannot be read: those stay as they are.
result<void> put_readable(state_store& store, std::vector<desired_service> wanted,
                          const std::vector<unreadable_row>& unreadable);

/// The services whose files in the state folder are somebody's.
std::set<std::string> names_of(const std::vector<desired_service>& wanted,
                               const std::vector<unreadable_row>& unreadable,
                               const std::vector<journaled_instance>& left);

/// The control groups of this folder's instances, as far as `setting` (manager.cgroups) wants them
/// and they can be made. What runs in one and is in no journal is ended.
cgroup_root open_cgroups(const manager_state& state, const std::string& setting);

/// The limits that the program declared when it ran before.
std::map<std::string, queue_limits> declared_before(const std::vector<desired_service>& stored);

/// Warns of what is declared of the queue and fits nothing.
void say_doubts(const declarations& wanted, const std::vector<std::string>& job_types,
                const logger& log);

}  // namespace sm
