// What all instances of a manager share, put together: the loop, CAF, the way to start processes,
// the journal, and the tables. Each part has a file of its own.
#pragma once

#include <functional>
#include <random>
#include <sm/config.hpp>
#include <sm/log.hpp>
#include <string>
#include <vector>

#include "link/loop.hpp"
#include "log/process_log.hpp"
#include "manager/adoption.hpp"
#include "manager/calls.hpp"
#include "manager/fork_client.hpp"
#include "manager/journal.hpp"
#include "manager/limit_watch.hpp"
#include "manager/process_table.hpp"
#include "manager/reaper.hpp"
#include "manager/socket_table.hpp"
#include "manager/usage_board.hpp"
#include "process/worker_thread.hpp"
#include "queue/job_tallies.hpp"
#include "store/state_folder.hpp"
#include "telemetry/event_ring.hpp"
#include "telemetry/own_metrics.hpp"
#include "telemetry/span.hpp"

namespace sm {

struct supervision {
  supervision(loop& l, caf::actor_system& sys, const config& c, const state_folder& f,
              const logger& lg, state_store& store, process_maker& maker, cgroup_root groups,
              const std::string& fork_secret)
      : events(l),
        system(sys),
        settings(c),
        folder(f),
        log(lg),
        journal(l, lg, store),
        commands(l, c.link),
        forks(maker),
        cgroups(std::move(groups)),
        reaper(l, forks, processes),
        adoption(processes, forks, reaper, sockets, fork_secret),
        limits(l, processes, janitor),
        usage(l, janitor),
        mailbox(l, [this](std::uint64_t link, caf::mailbox_element& e) { on_message(link, e); }) {}

  loop& events;
  caf::actor_system& system;
  const config& settings;
  const state_folder& folder;
  logger log;
  sm::journal journal;
  worker_thread janitor;  ///< where control groups are emptied, and /proc is read
  calls commands;
  process_maker& forks;
  const cgroup_root cgroups;
  process_table processes;
  socket_table sockets;
  sm::reaper reaper;
  sm::adoption adoption;
  limit_watch limits;
  usage_board usage;
  loop_mailbox mailbox;
  tally_board tallies;   ///< of the jobs that consumers performed
  report_board reports;  ///< of what services count
  event_ring recent{4096};
  std::function<void()> on_event = [] {};  ///< after each append to `recent`
  /// A service is gone with all its processes; calls `done` when one of its name may come.
  std::function<void(const std::string& service, std::function<void()> done)> on_removed =
      [](auto&, auto done) { done(); };
  /// A process recorded one, as OTLP's JSON.
  std::function<void(span_source from, std::string encoded)> on_span = [](auto, auto) {};
  std::function<void(std::uint64_t)> on_spans_dropped = [](auto) {};  ///< so many of a process
  std::minstd_rand random{std::random_device{}()};
  std::size_t in_turn = 0;  ///< instances that wait for their turn to start
  bool ending = false;      ///< the manager is: nothing is started any more

  void publish(std::string type, json data) {
    data["time"] = iso_time(std::chrono::system_clock::now());
    recent.append(std::move(type), print_json(data));
    on_event();
  }
  /// CAF forgets the nodes behind links that are gone, many at a time.
  void on_link_dropped();

 private:
  void on_message(std::uint64_t link, caf::mailbox_element& element);

  unsigned dropped_links_ = 0;
};

}  // namespace sm
