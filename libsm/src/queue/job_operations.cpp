#include "queue/job_operations.hpp"

#include <algorithm>

#include "queue/payload.hpp"

namespace sm {
namespace {

constexpr std::size_t step_size = 500;  // dead jobs looked at in one call of the store

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

bool dead_filter::fits(const job_view& dead) const {
  if (!queue.empty() && dead.queue != queue) return false;
  if (!text.empty() && dead.error.find(text) == text.npos && dead.exception.find(text) == text.npos)
    return false;
  if (type.empty()) return true;
  auto job = decode_payload(dead.payload);
  return job && job->type == type;
}

result<job_page> dead_jobs(job_store& store, const dead_filter& filter, std::size_t offset,
                           std::size_t count) {
  if (filter.type.empty() && filter.text.empty())
    return store.jobs(job_state::dead, filter.queue, offset, count);
  job_page found;
  std::size_t bytes = 0;
  for (std::size_t at = 0;;) {
    auto page = store.jobs(job_state::dead, "", at, step_size);
    if (!page) return page;
    for (auto& job : page->jobs) {
      if (!filter.fits(job)) continue;
      if (offset > 0) {
        --offset;
        continue;
      }
      found.more = found.jobs.size() == count || bytes > job_page_bytes;
      if (found.more) return found;
      bytes += job.payload.size();
      found.jobs.push_back(std::move(job));
    }
    if (!page->more) return found;
    at += page->jobs.size();
  }
}

namespace {

result<std::size_t> act(job_store& store, std::span<const job_view> dead, dead_action action) {
  return action == dead_action::requeue ? store.requeue(dead) : store.remove(dead);
}

}  // namespace

result<dead_outcome> act_on_dead(job_store& store, const std::vector<job_id>& ids,
                                 dead_action action) {
  dead_outcome outcome;
  for (auto& id : ids) {
    auto found = store.find_dead(id);
    if (!found) return tl::unexpected<error>(found.error());
    auto done = *found ? act(store, {&**found, 1}, action) : result<std::size_t>(0);
    if (!done) return tl::unexpected<error>(done.error());
    outcome.count += *done;
    if (*done == 0) outcome.missing.push_back(id);
  }
  return outcome;
}

result<bool> dead_sweep::step(job_store& store) {
  if (!left_) {
    auto totals = store.totals();
    if (!totals) return tl::unexpected<error>(totals.error());
    left_ = totals->dead;
  }
  auto page = store.jobs(job_state::dead, "", passed_,
                         static_cast<std::size_t>(std::min<std::uint64_t>(*left_, step_size)));
  if (!page) return tl::unexpected<error>(page.error());
  *left_ -= std::min<std::uint64_t>(page->jobs.size(), *left_);
  auto looked_at = page->jobs.size();
  std::erase_if(page->jobs, [&](auto& job) { return !filter_.fits(job); });
  auto done = act(store, page->jobs, action_);
  // One whose queue takes none stays dead.
  if (!done && done.error().code == errc::conflict) done = 0;
  if (!done) return tl::unexpected<error>(done.error());
  count_ += *done;
  passed_ += looked_at - *done;
  return page->more && *left_ > 0;
}

}  // namespace sm
