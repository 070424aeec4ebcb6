// What the queue needs of a store, the same for SQLite and Redis. A job is in exactly one place:
// ready, leased, or failed; every change from one to another is atomic. Calls may wait for the
// store.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <sm/config.hpp>
#include <sm/job.hpp>
#include <span>
#include <string>
#include <vector>

namespace sm {

struct new_job {
  job_id id;
  std::string queue;
  std::string payload;  ///< Resque's JSON, stored and handed out byte for byte
};

/// Names one delivery of one job, never used twice. It fences: who lost the lease holds a tag that
/// no longer fits and cannot end the job.
struct delivery_tag {
  std::int64_t row = 0;
  std::int64_t epoch = 0;
  friend auto operator<=>(const delivery_tag&, const delivery_tag&) = default;
};

/// A job in a consumer's hand.
struct delivery {
  delivery_tag tag{};
  job_id id{};
  std::string queue{};
  std::string payload{};
  unsigned attempt = 1;
};

/// How a delivery ended: done, or failed for good with the error's class and text.
struct job_outcome {
  delivery_tag tag{};
  std::string exception{};  ///< "" when it succeeded
  std::string text{};
};

struct claim_request {
  std::string worker;               ///< "host:pid:queues", as Resque writes it
  std::vector<std::string> queues;  ///< in order of priority; "*" is every queue by name
  unsigned max = 1;
  std::chrono::milliseconds lease{30'000};
};

struct failed_job {
  job_id id;
  std::string queue, payload, exception, error, worker;
  std::int64_t failed_at_ms = 0;
};

struct queue_counts {
  std::string queue;
  std::uint64_t ready = 0, leased = 0;
  std::int64_t oldest_ms = 0;  ///< age of the oldest ready job
};

class job_store {
 public:
  virtual ~job_store() = default;

  /// Stores all or none. A job whose id exists already is the same job and is not stored again.
  virtual result<void> enqueue(std::span<const new_job> jobs) = 0;

  /// Ends deliveries and claims further jobs in one transaction. `accepted` counts the outcomes
  /// whose lease still held; the others were ignored.
  struct exchange_result {
    std::vector<delivery> claimed;
    std::size_t accepted = 0;
  };
  virtual result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                           const claim_request& claim) = 0;

  /// Extends the leases of `held`; returns those that are lost.
  virtual result<std::vector<delivery_tag>> renew(std::span<const delivery_tag> held,
                                                  std::chrono::milliseconds lease) = 0;

  /// Makes the jobs in the hand of a worker that is gone ready again, at once. Returns how many.
  virtual result<std::size_t> release(const std::string& worker) = 0;
  /// Makes jobs ready again whose lease ran out. Returns how many.
  virtual result<std::size_t> reap() = 0;

  virtual result<std::vector<failed_job>> failed(std::size_t offset, std::size_t count) = 0;
  virtual result<std::vector<queue_counts>> counts() = 0;
};

/// Opens the store that `url` names; `invalid_spec` for a scheme that is not known.
result<std::unique_ptr<job_store>> open_job_store(const std::string& url,
                                                  const queue_config& config);

/// The file behind "sqlite:PATH".
std::string sqlite_path(const std::string& url);

/// A job that crashed its consumer this often is failed instead of tried again.
inline constexpr unsigned crashes_max = 3;

}  // namespace sm
