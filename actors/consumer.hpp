// The service that performs jobs; see queue/consumer/consumer_loop.hpp for how. Signals mean what
// they mean to a Resque worker: QUIT ends after the jobs in hand, TERM and INT end now, USR1 kills
// the jobs in hand, USR2 pauses, CONT resumes.
#pragma once

#include <sm/service.hpp>
#include <vector>

#include "queue/consumer/consumer_loop.hpp"
#include "registry.hpp"

namespace sm {

/// The parameters of a consumer service.
struct consumer_params {
  std::vector<std::string> queues{"*"};
  unsigned concurrency = 1;
  bool isolate = false;  ///< each job in a process of its own
  /// With `max` > 0 the manager keeps the number of processes between the two, by the age of the
  /// oldest job that waits.
  unsigned min = 0, max = 0;
  std::chrono::milliseconds latency{2'000}, cool_down{30'000};
};

/// Reads and checks them; `invalid_spec` names the field at fault.
result<consumer_params> read_consumer_params(const json& document);

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
