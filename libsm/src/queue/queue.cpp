#include <sm/queue.hpp>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "process/worker_thread.hpp"
#include "queue/job_status.hpp"
#include "queue/job_store.hpp"
#include "queue/payload.hpp"
#include "queue/redis/redis_url.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::int64_t to_ms(std::chrono::system_clock::time_point t) {
  return std::chrono::duration_cast<milliseconds>(t.time_since_epoch()).count();
}

constexpr auto delay_max = std::chrono::hours(24 * 36'525);

/// The job as it is stored, or why there is none.
result<new_job> make_job(const std::string& type, const json& argument, enqueue_options options,
                         const queue_config& config) {
  if (type.empty()) return fail(errc::invalid_spec, "the job's type must not be empty", "/type");
  if (!valid_queue_name(options.queue))
    return fail(errc::invalid_spec, no_queue_name(options.queue), "/queue");
  if (options.delay.count() > 0 && options.run_at != std::chrono::system_clock::time_point{})
    return fail(errc::invalid_spec, "give a delay or a time, not both", "/delay");
  if (options.delay.count() < 0)
    return fail(errc::invalid_spec, "the delay must not be negative", "/delay");
  if (!options.id.empty() && !valid_job_id(options.id))
    return fail(errc::invalid_spec,
                "use 1 to 256 printable ASCII characters, no blank, quote or backslash", "/id");
  if (options.delay > delay_max)
    return fail(errc::invalid_spec, "the delay is longer than 100 years", "/delay");
  auto now = std::chrono::system_clock::now();
  auto run_at = options.run_at;
  if (run_at == std::chrono::system_clock::time_point{} && options.delay.count() > 0)
    run_at = now + options.delay;
  job_payload payload{.type = type,
                      .args = json::array({argument}),
                      .id = options.id.empty() ? random_hex(16) : options.id,
                      .queue_time = static_cast<double>(to_ms(now)) / 1000,
                      .run_at_ms = run_at > now ? to_ms(run_at) : 0,
                      .trace = current_trace()};
  new_job job{.id = payload.id, .queue = std::move(options.queue), .run_at_ms = payload.run_at_ms};
  auto& unique = options.unique;
  if (!unique.key.empty() && !options.id.empty())
    return fail(errc::invalid_spec, "give a job an id or a unique key, not both", "/unique");
  if (!unique.key.empty()) {
    payload.lock = "unique:" + unique.key;
    payload.lock_until_started = unique.held_until == uniqueness::until::started;
    payload.lock_expires = unique.held_until == uniqueness::until::expired;
    job.lock = payload.lock;
    job.lock_for = unique.for_at_most;
    if (job.lock_for.count() <= 0)
      return fail(errc::invalid_spec, "must be held for some time", "/unique");
  } else if (!options.id.empty()) {
    // Not in the payload: it stays for its window, whatever becomes of the job.
    job.lock = "id:" + options.id;
    job.lock_for = config.id_window;
  }
  job.payload = encode_payload(payload);
  if (job.payload.size() > config.payload_max)
    return fail(
        errc::payload_too_large,
        "the job has " + std::to_string(job.payload.size()) + " bytes; see queue.payload_max",
        type);
  if (options.track)
    job.status = encode_status({.updated_s = to_ms(now) / 1000,
                                .started_s = to_ms(now) / 1000,
                                .type = type,
                                .queue = job.queue});
  return job;
}

}  // namespace

/// Collects jobs and stores all that have come together in one transaction (group commit): the more
/// producers wait, the cheaper each one gets.
class queue::writer {
 public:
  using done_function = std::function<void(result<std::vector<job_id>>)>;

  writer(std::string url, queue_config config) : url_(std::move(url)), config_(std::move(config)) {}

  const queue_config& config() const noexcept { return config_; }

  /// All of `jobs` are stored, or none.
  void submit(std::vector<new_job> jobs, done_function done) {
    bool first = false;
    done_function refused;
    {
      std::lock_guard lock(mutex_);
      if (waiting_jobs_ + jobs.size() > waiting_max && waiting_jobs_ > 0) {
        refused = std::move(done);
      } else {
        waiting_jobs_ += jobs.size();
        first = waiting_.empty();
        waiting_.push_back(
            {std::move(jobs), std::move(done), clock::now() + config_.enqueue_timeout});
      }
    }
    // Without the lock: who hears of it may enqueue again.
    if (refused) refused(fail(errc::overloaded, "too many jobs wait for the store", shown_url()));
    if (first && !thread_.post([this] { write_waiting(); }))
      fail_all(take_waiting(), {errc::shutting_down, "the queue is closed", shown_url()});
  }

  void close() {
    thread_.stop();
    store_.reset();
  }

 private:
  struct entry {
    std::vector<new_job> jobs;
    done_function done;
    clock::time_point deadline;
  };

  static constexpr std::size_t waiting_max = 100'000;

  std::string shown_url() const { return without_password(url_); }

  std::vector<entry> take_waiting() {
    std::lock_guard lock(mutex_);
    waiting_jobs_ = 0;
    return std::exchange(waiting_, {});
  }

  static void fail_all(const std::vector<entry>& entries, const error& e) {
    for (auto& w : entries) w.done(tl::unexpected<error>(e));
  }

  void write_waiting() {
    auto batch = take_waiting();
    // Who waits for longest says until when; those whose time is not over have another try.
    for (std::size_t answered = 0; answered < batch.size();) {
      auto left = std::max(
          std::chrono::duration_cast<milliseconds>(batch[answered].deadline - clock::now()),
          milliseconds{1});
      std::vector<new_job> jobs;
      for (auto& b : batch) jobs.insert(jobs.end(), b.jobs.begin(), b.jobs.end());
      auto outcome = store(jobs, left);
      if (outcome) return answer(batch, *outcome);
      // What is refused may be one of them, whose fault is not the others'.
      if (outcome.error().code != errc::unavailable)
        return batch.size() == 1
                   ? fail_all(batch, outcome.error())
                   : store_each(
                         {batch.begin() + static_cast<std::ptrdiff_t>(answered), batch.end()});
      auto before = answered;
      while (answered < batch.size() && clock::now() >= batch[answered].deadline)
        batch[answered++].done(tl::unexpected<error>(outcome.error()));
      // In doubt the next try must be of the same jobs, so that none is stored twice: one that is
      // told of the failure may be stored nevertheless, as its error says.
      if (!store_ || !store_->in_doubt()) {
        batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(answered));
        answered = 0;
      }
      // A store may refuse before the time is over; it is not asked again in a tight loop.
      if (answered == before) std::this_thread::sleep_for(std::min(left, milliseconds{20}));
    }
  }

  void store_each(std::vector<entry> batch) {
    for (auto& b : batch) {
      auto left = std::max(std::chrono::duration_cast<milliseconds>(b.deadline - clock::now()),
                           milliseconds{1});
      auto outcome = store(b.jobs, left);
      std::vector<entry> one;
      one.push_back(std::move(b));
      if (outcome)
        answer(one, *outcome);
      else
        fail_all(one, outcome.error());
    }
  }

  static void answer(std::vector<entry>& batch, const std::vector<duplicate>& duplicates) {
    auto next = duplicates.begin();
    std::size_t index = 0;
    for (auto& b : batch) {
      std::vector<job_id> ids;
      ids.reserve(b.jobs.size());
      for (auto& job : b.jobs) {
        if (next != duplicates.end() && next->index == index)
          ids.push_back((next++)->id);
        else
          ids.push_back(std::move(job.id));
        ++index;
      }
      b.done(std::move(ids));  // who has been answered is not answered again
    }
  }

  result<std::vector<duplicate>> store(const std::vector<new_job>& jobs, milliseconds patience) {
    if (!store_) {
      auto opened = open_job_store(url_, config_);
      if (!opened) return tl::unexpected<error>(opened.error());
      store_ = std::move(*opened);
    }
    return store_->enqueue(jobs, patience);
  }

  const std::string url_;
  const queue_config config_;
  std::mutex mutex_;
  std::vector<entry> waiting_;
  std::size_t waiting_jobs_ = 0;
  std::unique_ptr<job_store> store_;  // used by the thread alone
  worker_thread thread_;
};

queue::queue(std::string url, queue_config config, std::shared_ptr<const job_registry> jobs)
    : writer_(std::make_shared<writer>(std::move(url), std::move(config))),
      jobs_(std::move(jobs)) {}

void queue::close() const { writer_->close(); }

promise<job_id> queue::refused(std::string why) {
  promise<job_id> p;
  p.set_error({errc::invalid_spec, std::move(why), {}});
  return p;
}

namespace {

/// What they throw concerns nobody: the jobs are stored.
void after_enqueue(const job_registry* jobs, const std::string& type, const job_id& id) {
  if (!jobs) return;
  for (auto& hooks : jobs->hooks()) try {
      if (hooks.after_enqueue) hooks.after_enqueue(type, id);
    } catch (...) {
    }
}

/// Why a hook keeps the job out, or nothing.
std::optional<error> kept_out(const job_registry* jobs, const std::string& type,
                              const json& argument) {
  if (!jobs) return {};
  for (auto& hooks : jobs->hooks()) try {
      if (hooks.before_enqueue && !hooks.before_enqueue(type, argument))
        return error{errc::cancelled, "a hook keeps it out of the queue", type};
    } catch (const std::exception& e) {
      return error{errc::cancelled, std::string("a hook threw: ") + e.what(), type};
    } catch (...) {
      return error{errc::cancelled, "a hook threw", type};
    }
  return {};
}

}  // namespace

promise<job_id> queue::enqueue(const std::string& type, const json& argument,
                               enqueue_options options) const {
  promise<job_id> done;
  if (auto why = kept_out(jobs_.get(), type, argument)) {
    done.set_error(std::move(*why));
    return done;
  }
  auto job = make_job(type, argument, std::move(options), writer_->config());
  if (!job) {
    done.set_error(job.error());
    return done;
  }
  std::vector<new_job> one;
  one.push_back(std::move(*job));
  writer_->submit(std::move(one), [done, type, jobs = jobs_,
                                   trace = current_trace()](result<std::vector<job_id>> ids) {
    trace_scope of_who_enqueues(trace);
    if (ids) after_enqueue(jobs.get(), type, ids->front());
    if (ids)
      done.set_value(std::move(ids->front()));
    else
      done.set_error(std::move(ids.error()));
  });
  return done;
}

promise<std::vector<job_id>> queue::enqueue_all(const std::string& type,
                                                const std::vector<json>& arguments,
                                                const enqueue_options& options) const {
  promise<std::vector<job_id>> done;
  if (type.empty() || !options.id.empty() || !options.unique.key.empty()) {
    done.set_error({errc::invalid_spec,
                    type.empty() ? not_registered : "many jobs cannot have one id or unique key",
                    type.empty() ? "/type" : "/id"});
    return done;
  }
  std::vector<new_job> jobs;
  for (auto& argument : arguments) {
    if (auto why = kept_out(jobs_.get(), type, argument)) {
      done.set_error(std::move(*why));
      return done;
    }
    auto job = make_job(type, argument, options, writer_->config());
    if (!job) {
      done.set_error(job.error());
      return done;
    }
    jobs.push_back(std::move(*job));
  }
  if (jobs.empty()) {
    done.set_value({});
    return done;
  }
  writer_->submit(std::move(jobs), [done, type, registry = jobs_,
                                    trace = current_trace()](result<std::vector<job_id>> ids) {
    trace_scope of_who_enqueues(trace);
    if (ids)
      for (auto& id : *ids) after_enqueue(registry.get(), type, id);
    done.set(std::move(ids));
  });
  return done;
}

}  // namespace sm
