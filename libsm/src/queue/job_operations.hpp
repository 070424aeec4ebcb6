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

/// A page of the dead jobs that fit, in the order they are kept. In steps, so that others get their
/// turn at the store.
class dead_search {
 public:
  dead_search(dead_filter filter, std::size_t offset, std::size_t count)
      : filter_(std::move(filter)), offset_(offset), count_(count) {}

  /// True while there is more to look at.
  result<bool> step(job_store& store);
  const job_page& found() const noexcept { return found_; }

 private:
  const dead_filter filter_;
  std::size_t offset_;
  const std::size_t count_;
  dead_cursor at_{};
  std::size_t bytes_ = 0;
  job_page found_{};
};

enum class dead_action { requeue, remove };

/// Acts on all dead jobs that fit, as many as there are at the beginning: those that die meanwhile
/// are for the next one. In steps, so that others get their turn at the store.
class dead_sweep {
 public:
  dead_sweep(dead_filter filter, dead_action action)
      : filter_(std::move(filter)), action_(action), wanted_(filter_.ids) {}

  /// True while there is more to do.
  result<bool> step(job_store& store);
  std::size_t count() const noexcept { return count_; }
  /// Ids of the filter that were not among the dead, or not there any more.
  std::vector<job_id> missing() const { return {wanted_.begin(), wanted_.end()}; }

 private:
  result<std::size_t> act(job_store& store, std::span<const job_view> jobs);
  result<std::size_t> act_on_wanted(job_store& store, std::vector<job_view> jobs);

  const dead_filter filter_;
  const dead_action action_;
  std::set<job_id> wanted_;            // each of them once
  std::optional<std::uint64_t> left_;  // to look at
  dead_cursor at_{};
  std::size_t count_ = 0;
};

}  // namespace sm
