// The service that performs jobs; see queue/consumer/consumer_loop.hpp for how. Signals mean what
// they mean to a Resque worker: QUIT ends after the jobs in hand, TERM and INT end now, USR1 kills
// the jobs in hand, USR2 pauses, CONT resumes.
#pragma once

#include <sm/service.hpp>
#include <vector>

#include "process/registry.hpp"
#include "queue/consumer/consumer_loop.hpp"
#include "queue/consumer/consumer_params.hpp"

namespace sm {

class consumer : public service {
 public:
  /// `argv` is the program's own, for the job server.
  consumer(service_context context, std::shared_ptr<const job_registry> jobs,
           const std::vector<std::string>& argv, const builtin_setup& setup);
  /// Claims no more, gives the jobs in hand half of the stop timeout, and hands back the rest.
  ~consumer() override;

 private:
  void on_signal(int number);

  builtin_host& host_;
  const std::chrono::milliseconds grace_;
  std::string worker_;
  std::unique_ptr<consumer_loop> loop_;
};

}  // namespace sm
