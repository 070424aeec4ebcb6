// Jobs: plain structs whose fields are their arguments and whose perform() does the work in a
// consumer process. At least once: a job runs again only when it failed and its policy says so, or
// when its consumer died or fell silent.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <sm/json.hpp>
#include <sm/log.hpp>
#include <string>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

namespace sm {

using job_id = std::string;  ///< 32 lower-case hex digits, or what the producer gave

class queue;

namespace detail {

/// The arguments do not fit the job's fields: trying again cannot help.
struct unfit_arguments : failure {
  using failure::failure;
};

/// Makes the empty array at the JSON pointer `where` an empty object; false when none is there.
bool open_empty_array(json& document, const std::string& where);

/// The job with its fields, those of an absent argument are all left out; one without fields takes
/// any arguments. PHP writes an empty array for an empty object: where an object is wanted, at any
/// depth, it is read as one.
template <class Job>
sm::result<Job> read_job(const json& argument) {
  if constexpr (std::is_empty_v<Job>) {
    return Job{};
  } else {
    auto job = from_json_value<Job>(argument.is_null() ? json::object() : argument);
    if (job) return job;
    for (json mended = argument; !job && open_empty_array(mended, job.error().where);)
      job = from_json_value<Job>(mended);
    return job;
  }
}
template <class Job>
json write_job(const Job& job) {
  if constexpr (std::is_empty_v<Job>)
    return json::object();
  else
    return json(job);
}

/// What the consumer does for a job while it runs. Called in the job's thread.
class job_host {
 public:
  virtual ~job_host() = default;
  /// It is about to run; its place in a trace is the current one.
  virtual void begins() {}
  virtual bool cancelled() const = 0;
  virtual void progress(double share, std::string text) = 0;
  virtual const sm::queue& queue() = 0;
};

}  // namespace detail

/// Thrown by a job, or a hook before it, to end it as done without further work (Resque's
/// DontPerform).
struct skip_job {};

/// What a job may ask about itself while it runs.
class job_context {
 public:
  struct description {
    job_id id;
    std::string type, queue;
    json args;  ///< Resque's list of arguments
    unsigned attempt = 1;
  };

  job_context(description d, logger log, detail::job_host* host = nullptr)
      : description_(std::move(d)), log_(std::move(log)), host_(host) {}

  const job_id& id() const noexcept { return description_.id; }
  const std::string& type() const noexcept { return description_.type; }
  const std::string& queue() const noexcept { return description_.queue; }
  /// The list of arguments as the producer wrote it: Ruby's are positional, PHP's are one object.
  const json& args() const noexcept { return description_.args; }
  unsigned attempt() const noexcept { return description_.attempt; }  ///< 1 for the first delivery
  const logger& log() const noexcept { return log_; }

  /// True once the job shall end: it was cancelled, ran into its timeout, its lease was lost, or
  /// its consumer must go. A job that does not heed it is ended with its process.
  bool cancelled() const { return host_ && host_->cancelled(); }
  /// Throws `failure` with `cancelled` once the job shall end.
  void check_cancelled() const {
    if (cancelled()) throw failure(errc::cancelled, "the job was asked to end");
  }

  /// To enqueue further jobs: `job.jobs().enqueue(next_step{...})`. Only within a consumer.
  const sm::queue& jobs() const { return host_->queue(); }

  /// Tells how far the job is, from 0 to 1, to who looks at /v1/jobs/{id}. Of a tracked job; seldom
  /// written more often than each 200 ms.
  void progress(double share, std::string text = {}) {
    if (!host_) return;
    // Also for 0/0.
    host_->progress(share >= 0 && share <= 1 ? share : share > 1 ? 1 : 0, std::move(text));
  }
  /// What `perform` returned, or was set here, is kept for a day when the job is tracked.
  void result(json value) { result_ = std::move(value); }
  const json& result() const noexcept { return result_; }

 private:
  description description_;
  logger log_;
  detail::job_host* host_;
  json result_;
};

/// What happens to a job that failed: it is tried again after a pause that grows from `min` by
/// `factor` up to `max`; after `max_attempts` it is dead, and kept among the failed jobs.
struct retry_policy {
  unsigned max_attempts = 25;
  std::chrono::milliseconds min{5'000};
  std::chrono::milliseconds max{6 * 3'600'000};
  double factor = 2.0;
  double jitter = 0.2;  ///< share of the pause, 0 to 1, that is drawn at random around it

  friend bool operator==(const retry_policy&, const retry_policy&) = default;
};

struct job_options {
  retry_policy retry{};
  /// A job that runs for longer is asked to end (`job_context::cancelled`), and when it does not
  /// within `queue.cancel_grace`, its process is killed. It counts as failed. 0: no limit.
  std::chrono::milliseconds timeout{0};
};

/// Called around the jobs of every type; several are called in the order of their registration.
/// What `before` and `around` throw fails the job like an exception of its own; what `after` and
/// the `on_` ones throw is logged.
struct job_hooks {
  /// In the producer: false, or an exception, cancels the enqueueing, which then fails with
  /// `cancelled`.
  std::function<bool(const std::string& type, const json& argument)> before_enqueue{};
  std::function<void(const std::string& type, const job_id&)> after_enqueue{};
  std::function<void(job_context&)> before{};
  /// Must call `perform` once.
  std::function<void(job_context&, const std::function<void()>& perform)> around{};
  std::function<void(job_context&)> after{};
  std::function<void(job_context&, const error&)> on_failure{};  ///< of each attempt
  std::function<void(job_context&, const error&)> on_dead{};     ///< it will not be tried again
};

/// A job with this key is not enqueued while an earlier one with the same key holds it; the caller
/// gets the earlier one's id.
struct uniqueness {
  enum class until { started, done, expired };

  std::string key{};  ///< "" is not unique
  until held_until = until::done;
  std::chrono::milliseconds for_at_most{24 * 3'600'000};  ///< then it is free in any case
};

struct enqueue_options {
  std::string queue = "default";  ///< without blanks
  job_id id{};                    ///< the caller's own: enqueueing the same id twice makes one job
  std::chrono::milliseconds delay{0};
  std::chrono::system_clock::time_point run_at{};  ///< not before; instead of `delay`
  uniqueness unique{};
  bool track = false;  ///< its state, progress and result are kept for a day after its end
};

/// Limits of a queue over all consumers of all hosts; 0 is none.
struct queue_limits {
  unsigned concurrency = 0;  ///< jobs at a time
  unsigned rate = 0;         ///< jobs begun within `period`, bursts up to `rate` included
  std::chrono::milliseconds period{1'000};

  friend bool operator==(const queue_limits&, const queue_limits&) = default;
};

/// The job types a program knows, by their names in the queue.
class job_registry {
 public:
  using perform_function = std::function<void(const json& argument, job_context&)>;
  struct entry {
    perform_function perform;
    job_options options;
  };

  template <class Job>
  void add(std::string name, job_options options = {}) {
    names_[std::type_index(typeid(Job))] = name;
    entries_[std::move(name)] = {[](const json& argument, job_context& context) {
                                   auto job = detail::read_job<Job>(argument);
                                   if (!job) throw detail::unfit_arguments(job.error());
                                   if constexpr (std::is_void_v<decltype(job->perform(context))>)
                                     job->perform(context);
                                   else
                                     context.result(json(job->perform(context)));
                                 },
                                 options};
  }

  /// The name `Job` was registered with, or null.
  template <class Job>
  const std::string* name_of() const {
    auto found = names_.find(std::type_index(typeid(Job)));
    return found == names_.end() ? nullptr : &found->second;
  }

  /// The type called `name`, or null.
  const entry* find(const std::string& name) const {
    auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }

  bool any_timeout() const {
    for (auto& [name, e] : entries_)
      if (e.options.timeout.count() > 0) return true;
    return false;
  }
  /// Of the type of a job as it stands in the queue; 0 without one.
  std::chrono::milliseconds timeout_of(std::string_view payload) const;

  bool contains(const std::string& name) const { return entries_.contains(name); }
  bool empty() const noexcept { return entries_.empty(); }

  void add_hooks(job_hooks hooks) { hooks_.push_back(std::move(hooks)); }
  const std::vector<job_hooks>& hooks() const noexcept { return hooks_; }

 private:
  std::map<std::type_index, std::string> names_;
  std::map<std::string, entry> entries_;
  std::vector<job_hooks> hooks_;
};

}  // namespace sm
