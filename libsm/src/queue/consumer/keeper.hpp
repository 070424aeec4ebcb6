// The thread of a consumer that no job can block: it renews leases, ends jobs that run for too long
// or are cancelled, tells of progress, and looks after consumers that are gone.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "queue/consumer/consumer_shared.hpp"

namespace sm {

class keeper {
 public:
  explicit keeper(std::shared_ptr<consumer_shared> shared);

  /// Until the consumer has stopped and has nothing in hand.
  void run();

 private:
  using clock = consumer_shared::clock;

  /// What has to be told, once the lock is free.
  struct news {
    std::vector<delivery> leases{};  ///< to be renewed
    std::vector<std::pair<job_id, std::string>> statuses{};
    std::vector<job_outcome> farewell{};  ///< of all jobs, because one is deaf: the process ends
    std::optional<job_tallies> tallies{};
    std::optional<work_in_hand> work{};
    unsigned skipped = 0;  ///< events
    bool look = false;     ///< for wishes, and after others
    bool busy = false;
  };

  void keep();
  /// Waits until there is something to do; nothing at the end.
  std::optional<news> await_news();
  clock::time_point next_event() const;
  /// Asks jobs that are over their time to end, then kills them; true when one can only be killed
  /// with the process.
  bool keep_deadlines(clock::time_point now);
  void collect_statuses(news& n, clock::time_point now);
  void collect_timed(news& n, clock::time_point now);
  std::vector<job_outcome> give_up_all();

  /// False when the store does not answer.
  bool renew(const std::vector<delivery>& leases);
  bool heed_wishes();
  void look_after_others();

  const std::shared_ptr<consumer_shared> shared_;
  clock::time_point next_renewal_, next_look_, next_heartbeat_, next_work_;
  /// Who was out of reach for long, or asleep with its host, must not take others for dead: they
  /// were, too, and come back as well.
  clock::time_point may_reap_at_;
  /// How far the wall clock went ahead of the steady one since the last call: the host slept.
  std::chrono::milliseconds slept();
  std::chrono::system_clock::time_point wall_ = std::chrono::system_clock::now();
  clock::time_point steady_ = clock::now();
  work_in_hand told_work_;
  /// A job is deaf: whatever the telling of the others meets, the process ends.
  bool must_end_ = false;
};

}  // namespace sm
