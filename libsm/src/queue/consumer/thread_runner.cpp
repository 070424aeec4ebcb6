#include <sm/queue.hpp>

#include "queue/consumer/job_runner.hpp"

namespace sm {
namespace {

class slot_host : public detail::job_host {
 public:
  slot_host(job_in_hand& job, const sm::queue& producer) : job_(job), producer_(producer) {}

  bool cancelled() const override { return job_.cancelled != cancel_reason::none; }
  void progress(double share, std::string text) override {
    job_.set_progress(share, std::move(text));
  }
  const sm::queue& queue() override { return producer_; }

 private:
  job_in_hand& job_;
  const sm::queue& producer_;
};

class thread_runner : public job_runner {
 public:
  thread_runner(std::shared_ptr<const job_registry> jobs, std::shared_ptr<const queue> producer,
                logger log)
      : jobs_(std::move(jobs)), producer_(std::move(producer)), log_(std::move(log)) {}

  performance run(job_in_hand& job, double chance) override {
    slot_host host(job, *producer_);
    return perform(
        *jobs_, job.what, log_, &host, [&job] { return job.cancelled.load(); }, chance);
  }

 private:
  std::shared_ptr<const job_registry> jobs_;
  std::shared_ptr<const queue> producer_;
  logger log_;
};

}  // namespace

std::shared_ptr<job_runner> make_thread_runner(std::shared_ptr<const job_registry> jobs,
                                               std::shared_ptr<const queue> producer, logger log) {
  return std::make_shared<thread_runner>(std::move(jobs), std::move(producer), std::move(log));
}

}  // namespace sm
