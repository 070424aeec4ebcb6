#include <sm/queue.hpp>

#include "queue/job_runner.hpp"

namespace sm {
namespace {

class slot_host : public detail::job_host {
 public:
  slot_host(job_in_hand& job, const sm::queue& producer) : job_(job), producer_(producer) {}

  bool cancelled() const override { return job_.cancelled != cancel_reason::none; }
  void progress(double share, std::string text) override {
    std::lock_guard lock(job_.mutex);
    job_.share = share;
    job_.text = std::move(text);
    job_.progressed = true;
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
    auto p = perform(*jobs_, job.what, log_, &host, chance);
    auto why = job.cancelled.load();
    // A job that heeded the wish has not failed by itself. One that was done by then is done.
    if (why != cancel_reason::none && p.outcome.how != job_outcome::kind::done)
      p.outcome = ended_from_outside(*jobs_, job.what, why, chance);
    return p;
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
