#include <sm/queue.hpp>

#include <chrono>
#include <mutex>

#include "process/worker_thread.hpp"
#include "queue/job_store.hpp"
#include "queue/payload.hpp"
#include "store/state_folder.hpp"

namespace sm {

/// Collects jobs and stores all that have come together in one transaction (group commit): the more
/// producers wait, the cheaper each one gets.
class queue::writer {
 public:
  writer(std::string url, queue_config config) : url_(std::move(url)), config_(std::move(config)) {}

  std::uint64_t payload_max() const noexcept { return config_.payload_max; }

  void submit(new_job job, promise<job_id> done) {
    bool first = false;
    {
      std::lock_guard lock(mutex_);
      if (waiting_.size() >= waiting_max) {
        done.set_error({errc::overloaded, "too many jobs wait for the store", url_});
        return;
      }
      first = waiting_.empty();
      waiting_.push_back({std::move(job), std::move(done)});
    }
    if (first && !thread_.post([this] { write_waiting(); }))
      fail_waiting({errc::shutting_down, "the queue is closed", url_});
  }

 private:
  struct entry {
    new_job job;
    promise<job_id> done;
  };

  static constexpr std::size_t waiting_max = 100'000;

  std::vector<entry> take_waiting() {
    std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }

  void fail_waiting(const error& e) {
    for (auto& w : take_waiting()) w.done.set_error(e);
  }

  void write_waiting() {
    auto batch = take_waiting();
    std::vector<new_job> jobs;
    jobs.reserve(batch.size());
    for (auto& b : batch) jobs.push_back(b.job);
    auto outcome = store(jobs);
    for (auto& b : batch) {
      if (outcome)
        b.done.set_value(std::move(b.job.id));
      else
        b.done.set_error(outcome.error());
    }
  }

  result<void> store(const std::vector<new_job>& jobs) {
    if (!store_) {
      auto opened = open_job_store(url_, config_);
      if (!opened) return tl::unexpected<error>(opened.error());
      store_ = std::move(*opened);
    }
    return store_->enqueue(jobs);
  }

  const std::string url_;
  const queue_config config_;
  std::mutex mutex_;
  std::vector<entry> waiting_;
  std::unique_ptr<job_store> store_;  // used by the thread alone
  worker_thread thread_;
};

queue::queue(std::string url, queue_config config, std::shared_ptr<const job_registry> jobs)
    : writer_(std::make_shared<writer>(std::move(url), std::move(config))),
      jobs_(std::move(jobs)) {}

promise<job_id> queue::refused(std::string why) {
  promise<job_id> p;
  p.set_error({errc::invalid_spec, std::move(why), {}});
  return p;
}

promise<job_id> queue::enqueue(const std::string& type, const json& argument,
                               enqueue_options options) const {
  if (type.empty()) return refused("the job's type must not be empty");
  if (!valid_queue_name(options.queue))
    return refused("'" + options.queue +
                   "' is no queue name: use 1 to 128 characters without blanks");
  new_job job{.id = options.id.empty() ? random_hex(16) : std::move(options.id),
              .queue = std::move(options.queue),
              .payload = {}};
  auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  job.payload = encode_payload(type, argument, job.id, now);
  promise<job_id> done;
  if (job.payload.size() > writer_->payload_max()) {
    done.set_error(
        {errc::payload_too_large,
         "the job has " + std::to_string(job.payload.size()) + " bytes; see queue.payload_max",
         type});
    return done;
  }
  writer_->submit(std::move(job), done);
  return done;
}

}  // namespace sm
