// What operators do to jobs, over any store.
#pragma once

#include <vector>

#include "queue/job_store.hpp"

namespace sm {

/// Takes the job away when it waits (`removed`), or asks it to end when it runs (`cancelling`).
/// `not_found` when it is nowhere.
enum class cancel_outcome { removed, cancelling };
result<cancel_outcome> cancel_job(job_store& store, const job_id& id);

error no_such_job(const job_id& id);

/// Which dead jobs are meant: those that fit everything that is not "".
struct dead_filter {
  std::string queue{}, type{};
  std::string text{};  ///< within the exception's class or its text

  bool fits(const job_view& dead) const;
};

/// A page of the dead jobs that fit, in the order they are kept.
result<job_page> dead_jobs(job_store& store, const dead_filter& filter, std::size_t offset,
                           std::size_t count);

enum class dead_action { requeue, remove };

struct dead_outcome {
  std::size_t count = 0;          ///< requeued or removed
  std::vector<job_id> missing{};  ///< those that are not among the dead
};
result<dead_outcome> act_on_dead(job_store& store, const std::vector<job_id>& ids,
                                 dead_action action);

/// Acts on all dead jobs that fit, as many as there are at the beginning: those that die meanwhile
/// are for the next one. In steps, so that others get their turn at the store.
class dead_sweep {
 public:
  dead_sweep(dead_filter filter, dead_action action)
      : filter_(std::move(filter)), action_(action) {}

  /// True while there is more to do.
  result<bool> step(job_store& store);
  std::size_t count() const noexcept { return count_; }

 private:
  const dead_filter filter_;
  const dead_action action_;
  std::optional<std::uint64_t> left_;  // to look at
  std::size_t passed_ = 0;             // that stay, and stand in front
  std::size_t count_ = 0;
};

}  // namespace sm
