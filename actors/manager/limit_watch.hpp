// Looks at what instances with limits use, where the kernel does not. Runs in the loop; /proc is
// read by a thread.
#pragma once

#include "link/loop.hpp"
#include "manager/process_table.hpp"
#include "process/worker_thread.hpp"

namespace sm {

class limit_watch {
 public:
  limit_watch(loop& l, const process_table& known, worker_thread& reader)
      : loop_(l), known_(known), reader_(reader), timer_(l.context()) {}

  /// From now on every two seconds.
  void start();

 private:
  void look();

  loop& loop_;
  const process_table& known_;
  worker_thread& reader_;
  asio::steady_timer timer_;
};

}  // namespace sm
