// Where a job runs: in the thread of its slot, or in a process of its own.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "queue/consumer/perform.hpp"
#include "queue/job_status.hpp"
#include "text/texts.hpp"

namespace sm {

/// A job in a consumer's hand, shared by its slot and the keeper.
struct job_in_hand {
  explicit job_in_hand(delivery d) : what(std::move(d)) {}

  const delivery what;
  std::atomic<cancel_reason> cancelled{cancel_reason::none};
  std::atomic<bool> started{false};
  std::atomic<pid_t> process{0};         ///< of its own; 0: it has none, or not yet
  std::atomic<bool> kill_wanted{false};  ///< once it has one

  int channel = -1;  ///< to its process, while it has one; under `mutex`

  void set_progress(double new_share, std::string new_text) {
    std::lock_guard lock(mutex);
    share = new_share;
    text = shortened(std::move(new_text), progress_text_max);
    progressed = true;
  }

  std::mutex mutex;  ///< of the following
  double share = 0;
  std::string text{};
  bool progressed = false;  ///< since it was written last
};

class job_runner {
 public:
  virtual ~job_runner() = default;
  /// Performs the job and returns when it has ended, however it did.
  virtual performance run(job_in_hand& job, double chance) = 0;
  /// Tells a running job that `cancelled` is set.
  virtual void notify(job_in_hand& /*job*/) {}
  /// A job that crashes takes no other with it.
  virtual bool isolates() const { return false; }
  /// Ends it at once; false when that takes the whole process.
  virtual bool kill(job_in_hand& /*job*/) { return false; }
};

/// Runs jobs in the slots' own threads.
std::shared_ptr<job_runner> make_thread_runner(std::shared_ptr<const job_registry> jobs,
                                               std::shared_ptr<const queue> producer, logger log);

}  // namespace sm
