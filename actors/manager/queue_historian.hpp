// Writes down what becomes of jobs, step by step, for as long as there are consumers. Runs in the
// loop.
#pragma once

#include "link/loop.hpp"
#include "manager/supervisor.hpp"
#include "queue/job_history.hpp"
#include "queue/queue_view.hpp"

namespace sm {

class queue_historian {
 public:
  queue_historian(loop& l, const supervisor& services, queue_view& jobs,
                  const tally_board& tallies);

  const job_history& history() const noexcept { return history_; }

 private:
  void look_later();
  void look();

  loop& loop_;
  const supervisor& services_;
  queue_view& jobs_;
  const tally_board& tallies_;
  asio::steady_timer timer_;
  job_history history_;
};

}  // namespace sm
