// What consumers need of the queue's store.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <sm/job.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sm {

/// A job that crashed its consumer this often is dead instead of tried again.
inline constexpr unsigned crashes_max = 3;
/// From this many on it is claimed alone only: who was in hand with others may not be to blame.
inline constexpr unsigned suspect_from = 2;

/// Names one delivery of one job, never used twice. It fences: who lost the lease holds a tag that
/// no longer fits and cannot end the job.
struct delivery_tag {
  std::int64_t number = 0;
  std::int64_t epoch = 0;
  friend auto operator<=>(const delivery_tag&, const delivery_tag&) = default;
};

/// A job in a consumer's hand.
struct delivery {
  delivery_tag tag{};
  std::string queue{};
  std::string payload{};
  unsigned failures = 0;  ///< earlier attempts that failed
  unsigned crashes = 0;   ///< earlier attempts whose consumer died or fell silent
  std::string status{};   ///< of a tracked job
  /// php-resque writes the first status after it put the job into the queue, so it may come still.
  bool status_may_come = false;

  unsigned attempt() const noexcept { return failures + crashes + 1; }
  bool tracked() const noexcept { return !status.empty() || status_may_come; }
};

/// How a delivery ends.
struct job_outcome {
  enum class kind {
    done,
    failed_retry,  ///< it is delayed until `retry_at_ms`
    failed_dead,
    cancelled,
    crashed,   ///< its own process died: as if the lease had run out
    returned,  ///< unharmed and uncounted: ready again, at the head
  };

  delivery_tag tag{};
  std::string queue{};
  kind how = kind::done;
  std::int64_t retry_at_ms = 0;
  std::string exception{}, text{};  ///< of a failure: its class and what it says
  std::string payload{};            ///< of a failure: the job's bytes
  job_id id{};                      ///< whose lock and status these are
  std::string lock{};               ///< to be released, when `id` still holds it
  std::string status{};             ///< of a tracked job: its new status document
};

struct claim_request {
  std::string worker{};               ///< "host:pid:queues", as Resque writes it
  std::vector<std::string> queues{};  ///< in order of priority: names, globs, "*", "!name"
  unsigned max = 1;
  std::chrono::milliseconds lease{30'000};
  /// The consumer has nothing else in hand. Only then it gets a job that crashed a consumer before:
  /// alone, so that it takes no other job with it.
  bool alone = true;
  /// It has nothing in hand at all, whoever looks at it.
  bool idle = true;
  /// Do not wait for such jobs: they are passed over this time.
  bool pass_suspects = false;
  /// Look for queues that have come, too; else those that were there a second ago may do.
  bool new_queues = false;
};

struct exchange_result {
  std::vector<delivery> claimed{};
  std::vector<std::string> served{};  ///< the queues that were looked at, by name
  std::size_t accepted = 0;  ///< the outcomes whose lease still held; the others were ignored
  /// A job waits that crashed consumers before: claim again with empty hands.
  bool suspect_waits = false;
  /// Queues that have jobs which may not be claimed now: paused, or at their limits.
  std::vector<std::string> held_back{};
  std::chrono::milliseconds look_again{1'000};  ///< when that may be over
};

/// Waits until there may be a job. Owned by one thread; `interrupt` is for all.
class job_waiter {
 public:
  virtual ~job_waiter() = default;
  /// From now on no job that is put into one of these queues is missed; a claim between this and
  /// `wait` finds those that are there already.
  virtual void watch(const std::vector<std::string>& queues) = 0;
  virtual void unwatch() = 0;
  virtual void wait(std::chrono::milliseconds timeout) = 0;
  virtual void interrupt() = 0;
};

class consumer_store {
 public:
  virtual ~consumer_store() = default;

  /// Ends deliveries and claims further jobs in one transaction.
  virtual result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                           const claim_request& claim) = 0;
  /// Extends the leases of `held`; returns those that are lost.
  virtual result<std::vector<delivery_tag>> renew(std::span<const delivery> held,
                                                  std::chrono::milliseconds lease) = 0;
  /// Puts back, uncounted, what the store thinks `worker` has in hand and it has not: after an
  /// exchange whose outcome it did not hear of.
  virtual result<std::size_t> resync(const std::string& worker,
                                     std::span<const delivery_tag> held) = 0;
  /// Jobs that were asked to end while they run.
  virtual result<std::vector<job_id>> cancel_requests() = 0;
  /// Writes the status documents of tracked jobs that still have one.
  virtual result<void> put_status(std::span<const std::pair<job_id, std::string>> documents) = 0;
  /// Frees the lock if `id` holds it.
  virtual result<void> release_lock(const std::string& lock, const job_id& id) = 0;
  virtual std::unique_ptr<job_waiter> make_waiter() = 0;

  /// Lets others see that `worker` is there (Resque's web pages, and its pruning of the dead).
  virtual result<void> register_worker(const std::string& /*worker*/) { return {}; }
  virtual result<void> heartbeat(const std::string& /*worker*/) { return {}; }
  virtual result<void> unregister_worker(const std::string& /*worker*/) { return {}; }

  /// Makes the jobs in the hand of a worker that is gone ready again, at once. Returns how many.
  virtual result<std::size_t> release(const std::string& worker) = 0;
  /// Makes jobs ready again whose lease ran out. Returns how many.
  virtual result<std::size_t> reap() = 0;
  /// What is wrong with the store's own settings, and the remedy; looked at once.
  virtual result<std::vector<std::string>> warnings() { return std::vector<std::string>{}; }
};

}  // namespace sm
