// Keeps the number of processes of consumers that have a `max` in step with the work that waits.
// Runs in the loop.
#pragma once

#include <map>
#include <string>

#include "link/loop.hpp"
#include "manager/supervisor.hpp"
#include "queue/autoscale.hpp"
#include "queue/queue_view.hpp"

namespace sm {

class queue_scaler {
 public:
  queue_scaler(loop& l, supervisor& services, queue_view& jobs, logger log);

 private:
  void look_later();
  void look();
  void scale(const std::vector<queue_counts>& counts);

  supervisor& services_;
  queue_view& jobs_;
  logger log_;
  loop& loop_;
  asio::steady_timer timer_;
  std::map<std::string, autoscale_state> states_;
};

}  // namespace sm
