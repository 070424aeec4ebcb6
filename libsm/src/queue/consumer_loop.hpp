// Performs jobs: claims them, runs them in slots, renews their leases from a thread that no job can
// block, and hands their outcomes back. Three kinds of threads: one claims and acknowledges, one
// keeps leases, timeouts and cancellations, and each slot performs.
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

#include "queue/job_runner.hpp"
#include "queue/job_store.hpp"
#include "queue/prefetch.hpp"
#include "telemetry/job_tallies.hpp"

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

class consumer_loop {
 public:
  struct callbacks {
    std::function<void(const job_event&)> on_event = [](auto&) {};
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

  /// Opens the store and begins. Throws `failure` when the store's settings are wrong; one that
  /// does not answer is waited for.
  consumer_loop(consumer_options options, std::shared_ptr<const job_registry> jobs, logger log,
                callbacks to);
  /// Hands back what has not been finished, unharmed. Threads of jobs that still run are left
  /// behind: the process is to end.
  ~consumer_loop();
  consumer_loop(const consumer_loop&) = delete;
  consumer_loop& operator=(const consumer_loop&) = delete;

  /// Claims no more; what is in hand goes on. Resumed by `pause(false)`.
  void pause(bool paused);
  /// Claims no more, and calls `on_drained` when all is done.
  void quit();
  /// Claims no more and waits for the jobs in hand, at most for `grace` or until `hurry`.
  void drain(std::chrono::milliseconds grace);
  /// Nobody waits for jobs any more: they are asked to end, and what is left is handed back.
  void hurry();
  /// Asks the jobs in hand to end as failed, and goes on (Resque's USR1).
  void kill_jobs();
  consumer_state now() const;

 private:
  struct state;

  static void claim(const std::shared_ptr<state>& s);
  static void keep(const std::shared_ptr<state>& s);
  static void serve_slot(const std::shared_ptr<state>& s);

  std::shared_ptr<state> state_;
  std::thread claimer_, keeper_;
};

}  // namespace sm
