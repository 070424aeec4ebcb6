// Waits for jobs in Redis without polling, and without taking any: BLMOVE of a list's head onto the
// head of the same list changes nothing and returns as soon as there is an element, whoever pushed
// it. A blocking pop would lose the job with a connection that breaks at the wrong moment.
#pragma once

#include <map>
#include <optional>

#include "queue/job_store.hpp"
#include "queue/redis/redis_client.hpp"

namespace sm {

class redis_waiter : public job_waiter {
 public:
  /// Beside the lists it hears what is published on `channel`, "" for nothing.
  redis_waiter(redis_url url, std::string channel);

  void watch(const std::vector<std::string>& queues) override;
  void unwatch() override {}
  void wait(std::chrono::milliseconds timeout) override;
  void interrupt() override;

 private:
  using clock = redis_client::clock;

  struct peek {
    redis_connection connection;
    bool waiting = false;  // the command is sent and not answered
    clock::time_point since{};
  };
  void arm(const std::string& queue);
  /// Drops a subscription whose server is gone without a word, such as behind a firewall.
  void check_subscription();

  redis_client client_;
  const std::string channel_;
  unique_fd interrupter_;
  std::vector<std::string> watched_;
  std::map<std::string, peek> peeks_;
  std::optional<redis_connection> subscription_;
  clock::time_point heard_at_{};       // of the subscription
  bool asked_ = false;                 // since then
  clock::time_point connect_after_{};  // the server was not there just now
};

}  // namespace sm
