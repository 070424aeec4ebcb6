// The thread of a consumer that talks to the store about jobs: it tells their outcomes and claims
// further ones in the same round trip, and waits when there are none.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "queue/consumer/consumer_shared.hpp"

namespace sm {

class claimer {
 public:
  explicit claimer(std::shared_ptr<consumer_shared> shared);

  /// Until the consumer has stopped and told of all it had in hand. After an exception it goes on
  /// when it is called again.
  void run();

 private:
  using clock = consumer_shared::clock;

  /// One round trip and what it is about.
  struct trip {
    std::vector<job_outcome> done{};
    claim_request claim{};
    bool pointless() const { return done.empty() && claim.max == 0; }
  };

  void make_trip(trip& t);
  /// What there is to say and to ask now; nothing at the end.
  std::optional<trip> plan();
  /// How many jobs may be claimed, and of which kind.
  void plan_claim(trip& t) const;
  /// Nothing when the store does not answer: then a pause is over, and all is as before.
  std::optional<exchange_result> make(trip& t);
  /// Under the lock: puts outcomes that were not told before the later ones.
  void tell_again(std::vector<job_outcome>& done);
  /// After a round trip that was not heard of, what the store thinks is in hand may not be.
  result<void> settle_doubt();
  /// What has to be said of jobs that begin.
  void tell_begun(const std::vector<delivery>& claimed);
  /// Puts the jobs into the slots' reach; false when there is nothing more to do for now.
  bool take_in(const trip& t, exchange_result& got);
  /// Waits for jobs, having looked once more after it began to watch.
  void await_jobs(const trip& t, exchange_result& got);
  void unwatch();

  const std::shared_ptr<consumer_shared> shared_;
  std::chrono::milliseconds pause_;
  bool released_ = false;
  bool registered_ = false;
  /// The queues whose jobs wake it; nothing while it does not watch.
  std::optional<std::vector<std::string>> watched_;
  bool in_doubt_ = false;
  bool said_drained_ = false;
  /// Since when a job that crashed consumers waits for this one's empty hands.
  std::optional<clock::time_point> suspect_since_;
};

}  // namespace sm
