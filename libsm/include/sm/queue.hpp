// Puts jobs into the queue: from a service, a route, or any other program.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <memory>
#include <sm/config.hpp>
#include <sm/job.hpp>
#include <sm/promise.hpp>
#include <string>

namespace sm {

/// A producer. Thread-safe. The calls return at once; jobs that are enqueued while an earlier
/// transaction is being written share the next one. When the promise is fulfilled the job is
/// stored.
class queue {
 public:
  /// `url` is "sqlite:PATH". Nothing is opened before the first call; what is wrong with the store
  /// is the error of each call.
  explicit queue(std::string url, queue_config config = {},
                 std::shared_ptr<const job_registry> jobs = nullptr);

  /// Enqueues a job of a registered type. Fails with `invalid_spec` for an unregistered one.
  template <class Job>
  promise<job_id> enqueue(const Job& job, enqueue_options options = {}) const {
    auto* name = jobs_ ? jobs_->name_of<Job>() : nullptr;
    if (!name) return refused("this job type is not registered: call job<T>(\"Name\") first");
    return enqueue(*name, json(job), std::move(options));
  }

  /// Enqueues a job by its type's name, which this program need not know.
  promise<job_id> enqueue(const std::string& type, const json& argument,
                          enqueue_options options = {}) const;

 private:
  static promise<job_id> refused(std::string why);

  class writer;
  std::shared_ptr<writer> writer_;
  std::shared_ptr<const job_registry> jobs_;
};

}  // namespace sm
