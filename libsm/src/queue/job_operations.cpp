#include "queue/job_operations.hpp"

#include <algorithm>

namespace sm {
namespace {

constexpr std::size_t step_size = 500;  // dead jobs looked at at once

}  // namespace

error no_such_job(const job_id& id) {
  return {errc::not_found,
          "there is no such job: it is done, or never was; what is done is known of tracked jobs "
          "only",
          id};
}

result<cancel_outcome> cancel_job(job_store& store, const job_id& id) {
  auto found = store.find(id);
  if (!found) return tl::unexpected<error>(found.error());
  if (!*found) return tl::unexpected<error>(no_such_job(id));
  if ((*found)->state != job_state::running) {
    auto removed = store.remove({&**found, 1});
    if (!removed) return tl::unexpected<error>(removed.error());
    if (*removed > 0) return cancel_outcome::removed;
  }
  // It runs, or began just now.
  if (auto ok = store.request_cancel(id); !ok) return tl::unexpected<error>(ok.error());
  return cancel_outcome::cancelling;
}

result<bool> dead_search::step(job_store& store) {
  if (filter_.empty()) {
    auto page = store.jobs(job_state::dead, "", offset_, count_);
    if (!page) return tl::unexpected<error>(page.error());
    found_ = std::move(*page);
    return false;
  }
  auto page = store.dead(filter_, at_, step_size);
  if (!page) return tl::unexpected<error>(page.error());
  for (auto& job : page->jobs) {
    if (offset_ > 0) {
      --offset_;
      continue;
    }
    found_.more = found_.jobs.size() == count_ || bytes_ > job_page_bytes;
    if (found_.more) return false;
    bytes_ += job.payload.size();
    found_.jobs.push_back(std::move(job));
  }
  at_ = page->next;
  return page->more;
}

result<std::size_t> dead_sweep::act(job_store& store, std::span<const job_view> jobs) {
  auto done = action_ == dead_action::requeue ? store.requeue(jobs) : store.remove(jobs);
  // One whose queue takes none stays dead; who asked for it alone hears why.
  if (!done && done.error().code == errc::conflict && filter_.ids.size() != 1) done = 0;
  return done;
}

/// One by one, so that it is known which of them are missing; of several with one id the first.
result<std::size_t> dead_sweep::act_on_wanted(job_store& store, std::vector<job_view> jobs) {
  std::size_t count = 0;
  for (auto& job : jobs) {
    if (!wanted_.contains(job.id)) continue;
    job.position -= static_cast<std::int64_t>(count);
    auto done = act(store, {&job, 1});
    if (!done) return done;
    if (*done > 0) wanted_.erase(job.id);
    count += *done;
  }
  return count;
}

result<bool> dead_sweep::step(job_store& store) {
  if (!left_) {
    auto totals = store.totals();
    if (!totals) return tl::unexpected<error>(totals.error());
    left_ = totals->dead;
  }
  if (filter_.empty() && action_ == dead_action::remove) {
    auto gone = store.clear_dead();
    if (!gone) return tl::unexpected<error>(gone.error());
    count_ += *gone;
    return *gone > 0 && count_ < *left_;
  }
  auto page = store.dead(filter_, at_,
                         static_cast<std::size_t>(std::min<std::uint64_t>(*left_, step_size)));
  if (!page) return tl::unexpected<error>(page.error());
  *left_ -= std::min<std::uint64_t>(page->looked_at, *left_);
  auto done =
      filter_.ids.empty() ? act(store, page->jobs) : act_on_wanted(store, std::move(page->jobs));
  if (!done) return tl::unexpected<error>(done.error());
  count_ += *done;
  at_ = page->next;
  at_.passed -= static_cast<std::int64_t>(*done);
  bool all_found = !filter_.ids.empty() && wanted_.empty();
  return page->more && *left_ > 0 && !all_found;
}

}  // namespace sm
