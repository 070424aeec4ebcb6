// What all instances of a manager share: the loop, CAF, the way to start processes, and the tables
// that lead from a link or a pid to its instance. Runs in the loop alone.
#pragma once

#include <map>
#include <random>
#include <sm/config.hpp>
#include <sm/log.hpp>
#include <unordered_map>

#include "link/loop.hpp"
#include "manager/calls.hpp"
#include "manager/fork_client.hpp"
#include "manager/socket_table.hpp"
#include "process/rendezvous.hpp"
#include "process/start_state.hpp"
#include "process/worker_thread.hpp"
#include "queue/job_tallies.hpp"
#include "store/state_folder.hpp"
#include "store/state_store.hpp"
#include "system/exit_status.hpp"
#include "telemetry/event_ring.hpp"

namespace sm {

class instance;

/// Numbers for links, reused once they are free.
class slot_allocator {
 public:
  std::uint16_t take() {
    if (free_.empty()) return next_++;
    auto slot = free_.back();
    free_.pop_back();
    return slot;
  }
  void give_back(std::uint16_t slot) { free_.push_back(slot); }

 private:
  std::uint16_t next_ = 1;
  std::vector<std::uint16_t> free_;
};

struct supervision {
  supervision(loop& l, caf::actor_system& sys, const config& c, const state_folder& f, logger lg,
              state_store& st, std::vector<std::string> argv, cgroup_root groups,
              std::string fork_secret)
      : events(l),
        system(sys),
        settings(c),
        folder(f),
        log(lg),
        store(st),
        commands(l, c.link),
        forks(l, lg, std::move(argv),
              {.state_folder = f.path().string(),
               .orphan_grace_ms = c.manager.orphan_grace.count(),
               .cgroups = groups.path().string(),
               .token = fork_secret,
               .descriptors = descriptor_limit_at_start()}),
        cgroups(std::move(groups)),
        fork_token(std::move(fork_secret)),
        orphan_timer(l.context()),
        journal_timer(l.context()),
        limit_timer(l.context()),
        mailbox(l, [this](std::uint64_t link, caf::mailbox_element& e) { on_message(link, e); }) {}

  loop& events;
  caf::actor_system& system;
  const config& settings;
  const state_folder& folder;
  logger log;
  state_store& store;     ///< used in `disk` alone
  worker_thread disk;     ///< where calls to `store` wait
  worker_thread janitor;  ///< where control groups are emptied, and /proc is read
  calls commands;
  fork_client forks;
  const cgroup_root cgroups;
  const std::string fork_token;  ///< of the fork servers of this state folder
  asio::steady_timer orphan_timer, journal_timer, limit_timer;
  loop_mailbox mailbox;
  slot_allocator slots;
  socket_table sockets;
  tally_board tallies;  ///< of the jobs that consumers performed
  event_ring recent{4096};
  std::function<void()> on_event = [] {};  ///< after each append to `recent`
  /// A service is gone with all its processes; calls `done` when one of its name may come.
  std::function<void(const std::string& service, std::function<void()> done)> on_removed =
      [](auto&, auto done) { done(); };
  std::minstd_rand random{std::random_device{}()};

  /// Numbers for links and for runs of instances, never used twice in a state folder.
  std::uint64_t next_number = 1;
  std::unordered_map<std::uint64_t, instance*> by_link;
  std::unordered_map<std::uint64_t, instance*> by_incarnation;
  std::unordered_map<pid_t, instance*> by_pid;

  void publish(std::string type, const json& data) {
    recent.append(std::move(type), print_json(data));
    on_event();
  }

  bool ending = false;  ///< the manager is: nothing is started any more
  unsigned dropped_links = 0;
  void link_dropped();

  void on_message(std::uint64_t link, caf::mailbox_element& element);
  /// What could not be journaled is said once, and written as soon as there is room. In the loop.
  void on_journal_behind(const error& why);
  void retry_journal();
  bool journal_behind = false;
  /// Decides about a process that comes by the link socket.
  result<std::function<void(unique_fd)>> on_greeting(received_greeting& greeting, const peer& who);
  /// Lets go of a process that ended, or ends it; `gone` is called when nothing is left of its
  /// tree.
  void forget(pid_t pid, const std::string& instance = {}, std::function<void()> gone = {});
  std::vector<pid_t> orphans_of;  ///< that ended as our own children
  /// Ends what turned up as a child of ours and belongs to nobody. A fork server does that for what
  /// it started; this is for when one was killed.
  void end_orphans();
  /// Looks at what instances with limits use, where the kernel does not.
  void watch_limits();
};

}  // namespace sm
