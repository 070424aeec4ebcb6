// Puts jobs into the queue: from a service, a route, or any other program.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <sm/config.hpp>
#include <sm/job.hpp>
#include <sm/promise.hpp>
#include <string>
#include <vector>

namespace sm {

/// A producer. Thread-safe. The calls return at once; jobs that are enqueued while an earlier
/// transaction is being written share the next one. When the promise is fulfilled the job is
/// stored. While the store is away it waits up to `queue_config::enqueue_timeout`, then fails with
/// `unavailable`.
class queue {
 public:
  /// `url` is "sqlite:PATH" or "redis://HOST" (see docs/queue.md). Nothing is opened before the
  /// first call; what is wrong with the store is the error of each call.
  explicit queue(std::string url, queue_config config = {},
                 std::shared_ptr<const job_registry> jobs = nullptr);

  /// Enqueues a job of a registered type; the promise has its id, or that of the job that holds the
  /// same `unique` key or id already. Fails with `invalid_spec` for an unregistered type, a queue
  /// name that is none and the like.
  template <class Job>
  promise<job_id> enqueue(const Job& job, enqueue_options options = {}) const {
    auto* name = name_of<Job>();
    if (!name) return refused(not_registered);
    return enqueue(*name, detail::write_job(job), std::move(options));
  }

  /// Enqueues a job by its type's name, which this program need not know.
  promise<job_id> enqueue(const std::string& type, const json& argument,
                          enqueue_options options = {}) const;

  /// Enqueues all jobs in one transaction, or none of them. `options.id` and `options.unique.key`
  /// must be empty.
  template <class Job>
  promise<std::vector<job_id>> enqueue_all(const std::vector<Job>& jobs,
                                           const enqueue_options& options = {}) const {
    auto* name = name_of<Job>();
    std::vector<json> arguments;
    if (name)
      for (auto& job : jobs) arguments.push_back(detail::write_job(job));
    return enqueue_all(name ? *name : std::string{}, arguments, options);
  }
  promise<std::vector<job_id>> enqueue_all(const std::string& type,
                                           const std::vector<json>& arguments,
                                           const enqueue_options& options = {}) const;

  /// Stores what waits and closes the store, for all copies of this object. Waits for the store,
  /// some `enqueue_timeout` at most; jobs are refused with `shutting_down` from then on.
  void close() const;

 private:
  static constexpr const char* not_registered =
      "this job type is not registered: call job<T>(\"Name\") first";

  template <class Job>
  const std::string* name_of() const {
    return jobs_ ? jobs_->name_of<Job>() : nullptr;
  }
  static promise<job_id> refused(std::string why);

  class writer;
  std::shared_ptr<writer> writer_;
  std::shared_ptr<const job_registry> jobs_;
};

}  // namespace sm
