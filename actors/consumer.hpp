// The service that performs jobs: claims them from the store, runs each in a thread of its own,
// renews their leases from a thread that no job can block, and hands their outcomes back.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <condition_variable>
#include <map>
#include <mutex>
#include <sm/service.hpp>
#include <thread>
#include <vector>

#include "process_settings.hpp"
#include "queue/job_store.hpp"
#include "queue/wake_up.hpp"

namespace sm {

/// The parameters of a consumer service.
struct consumer_params {
  std::vector<std::string> queues{"*"};
  unsigned concurrency = 1;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(consumer_params, queues, concurrency)

class consumer : public service {
 public:
  consumer(service_context context, std::shared_ptr<const job_registry> jobs,
           const process_settings& settings);
  /// Claims no more and waits for the jobs in hand.
  ~consumer() override;

 private:
  void claim_loop();
  void renew_loop();
  void perform(const delivery& d);
  job_outcome attempt(const delivery& d);

  std::shared_ptr<const job_registry> jobs_;
  const consumer_params params_;
  const std::chrono::milliseconds lease_;
  const std::string worker_;
  std::unique_ptr<job_store> claims_, renewals_;  // one connection for each thread
  std::optional<wake_up_receiver> wake_;

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;
  std::vector<job_outcome> outcomes_;
  std::map<delivery_tag, job_id> in_hand_;
  std::uint64_t performed_ = 0, failed_ = 0;

  boost::asio::thread_pool slots_;
  std::thread claimer_, renewer_;
};

}  // namespace sm
