// Performs jobs: claims them, runs them in slots, renews their leases from a thread that no job can
// block, and hands their outcomes back. Three kinds of threads: one claims and acknowledges, one
// keeps leases, timeouts and cancellations, and each slot performs.
#pragma once

#include <chrono>
#include <memory>
#include <thread>

#include "queue/consumer/consumer_shared.hpp"

namespace sm {

class consumer_loop {
 public:
  /// Opens the store and begins. Throws `failure` when the store's settings are wrong; one that
  /// does not answer is waited for.
  consumer_loop(consumer_options options, std::shared_ptr<const job_registry> jobs, logger log,
                consumer_callbacks to);
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
  void start_threads();

  std::shared_ptr<consumer_shared> shared_;
  std::thread claimer_, keeper_;
};

}  // namespace sm
