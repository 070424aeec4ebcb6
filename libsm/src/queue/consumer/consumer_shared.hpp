// What the threads of a consumer share: the jobs in its hand, and what becomes of them. Functions
// are called under the lock.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <sm/log.hpp>
#include <sm/queue.hpp>
#include <thread>
#include <vector>

#include "queue/consumer/job_runner.hpp"
#include "queue/consumer/prefetch.hpp"
#include "queue/consumer_store.hpp"
#include "queue/job_tallies.hpp"

namespace sm {

struct consumer_options {
  std::string queue_url{};
  queue_config config{};
  std::string worker{};  ///< its name in the queue
  std::vector<std::string> queues{};
  unsigned concurrency = 1;
  /// Carries out a job in a slot's thread; see job_runner.hpp.
  std::shared_ptr<job_runner> runner{};
};

/// What became of a job, for people who watch.
struct job_event {
  std::string what;  ///< "done", "retry", "dead", "cancelled", "returned", "crashed"
  std::string type{}, id{}, queue{}, error{};
  unsigned attempt = 1;
  double seconds = 0;
};

struct consumer_state {
  job_tallies ended{};
  std::vector<job_id> in_hand{};
  bool paused = false;
};

/// What a consumer is at, for its process title.
struct work_in_hand {
  unsigned jobs = 0;
  std::string queue{}, type{};  ///< of the one that runs for longest
  std::int64_t since_s = 0;     ///< Unix time

  friend bool operator==(const work_in_hand&, const work_in_hand&) = default;
};

struct consumer_callbacks {
  std::function<void(const job_event&)> on_event = [](auto&) {};
  /// So many events were left out lately, because there were too many. In the keeper's thread.
  std::function<void(unsigned)> on_skipped = [](auto) {};
  /// A job does not heed that it was asked to end: all others have been handed back, the process
  /// must die now. In the keeper's thread.
  std::function<void()> on_overdue = [] {};
  /// After `quit`: nothing is in hand any more. In the claiming thread.
  std::function<void()> on_drained = [] {};
  /// Other work is in hand than at the last call; work of less than some 200 ms may be left out.
  /// In the keeper's thread.
  std::function<void(const work_in_hand&)> on_work = [](auto&) {};
  /// Jobs have ended since the last call, about a second ago. In the keeper's thread.
  std::function<void(const job_tallies&)> on_tallies = [](auto&) {};
};

struct consumer_shared {
  using clock = std::chrono::steady_clock;

  struct entry {
    explicit entry(delivery d) : job(std::move(d)) {}
    job_in_hand job;
    clock::time_point since{}, deadline = clock::time_point::max(),
                               overdue_at = clock::time_point::max();
    std::int64_t began_s = 0;  // Unix time, beside `since`
    bool ended = false;        // its outcome is there
  };
  using entry_ptr = std::shared_ptr<entry>;

  consumer_shared(consumer_options o, std::shared_ptr<const job_registry> j, logger l,
                  consumer_callbacks c)
      : options(std::move(o)),
        jobs(std::move(j)),
        log(std::move(l)),
        to(std::move(c)),
        any_timeout(jobs->any_timeout()) {}

  const consumer_options options;
  const std::shared_ptr<const job_registry> jobs;
  const logger log;
  const consumer_callbacks to;
  const bool any_timeout;

  std::unique_ptr<consumer_store> claims;  // the claimer's
  std::unique_ptr<consumer_store> keeps;   // the keeper's
  std::unique_ptr<job_waiter> waiter;

  mutable std::mutex mutex;  // of all that follows
  std::condition_variable slot_wake, claimer_wake, keeper_wake, drained;
  bool stopping = false;  // no way back
  bool quitting = false;  // ends when nothing is in hand
  bool paused = false;
  bool hurried = false;    // what is in hand is handed back
  bool abandoned = false;  // the process ends; nobody works any more
  bool claimer_waits = false;
  std::map<delivery_tag, entry_ptr> in_hand;
  std::deque<entry_ptr> ready;  // of those, in no slot yet
  std::vector<job_outcome> outcomes;
  std::size_t low_water = 0;
  clock::time_point moved_at = clock::now();  // a job left `ready`, or came
  prefetch ahead;
  job_tallies ended;
  bool told_tallies = true;
  std::minstd_rand random{std::random_device{}()};
  std::vector<std::thread> slots;
  std::size_t slots_running = 0;

  struct late_status {
    clock::time_point at;
    job_id id;
    std::string status;
  };
  std::deque<late_status> late;

  // of the events: no more than some in each second
  clock::time_point event_second{};
  unsigned events_in_second = 0, events_skipped = 0;

  /// php-resque may have written a job's first status just now, after all ours: it is written once
  /// more.
  void write_later(const job_outcome& o);

  double chance() { return std::uniform_real_distribution<>(0, 1)(random); }

  void wake_claimer() {
    if (claimer_waits) waiter->interrupt();
    claimer_wake.notify_one();
  }

  /// The outcome of an entry, unless it has one or was given up. "" for a type that nobody read
  /// from the payload yet. When it throws, `outcome` is untouched or the entry has it.
  bool finish(const entry_ptr& e, job_outcome&& outcome, std::string type = {});
  /// Hands back what no slot has begun.
  void return_unstarted();
  /// Hands back everything, and ends what runs.
  void return_all();
  /// Asks all that work to end, without another process taking them up meanwhile.
  void ask_all(cancel_reason why);
  work_in_hand work() const;
  /// Whether there is room for an event in this second; else it is counted as skipped.
  bool admits_event();
};

}  // namespace sm
