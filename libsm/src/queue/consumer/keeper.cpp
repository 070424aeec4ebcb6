#include "queue/consumer/keeper.hpp"

#include <algorithm>
#include <sm/guarded.hpp>

#include "queue/job_status.hpp"
#include "queue/payload.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto progress_pause = 200ms;
constexpr auto look_pause = 1s;  // for cancellations and leases of others
constexpr auto heartbeat_pause = 30s;
constexpr auto stall = 1s;  // jobs that wait here for so long are others' to take

}  // namespace

keeper::keeper(std::shared_ptr<consumer_shared> shared)
    : shared_(std::move(shared)),
      next_renewal_(clock::now() + shared_->options.config.lease / 3),
      next_look_(clock::now() + look_pause),
      next_heartbeat_(clock::now() + heartbeat_pause),
      next_work_(clock::now()),
      may_reap_at_(clock::now()) {}

void keeper::run() try {
  keep();
  if (must_end_) shared_->to.on_overdue();
} catch (...) {
  if (!must_end_) throw;
  log_error("the last words of a consumer", caught_error(errc::internal));
  shared_->to.on_overdue();
}

void keeper::keep() {
  auto& s = *shared_;
  while (auto n = await_news()) {
    if (n->tallies) s.to.on_tallies(*n->tallies);
    if (n->skipped > 0) s.to.on_skipped(n->skipped);
    if (n->work && *n->work != told_work_) s.to.on_work(told_work_ = std::move(*n->work));
    if (!n->farewell.empty()) {
      s.log.error("a job does not heed that it was asked to end: its process ends");
      if (auto told = s.keeps->exchange(n->farewell, {.worker = s.options.worker, .max = 0}); !told)
        s.log.error("jobs may wait for their leases: {}", to_string(told.error()));
      return;
    }
    if (!n->statuses.empty()) (void)s.keeps->put_status(n->statuses);
    // Timeouts must not wait for a store that is away: what else there is comes next time.
    if (!n->leases.empty() && !renew(n->leases)) continue;
    if (!n->look || (n->busy && !heed_wishes())) continue;
    look_after_others();
  }
}

// -- under the lock

std::optional<keeper::news> keeper::await_news() {
  auto& s = *shared_;
  std::unique_lock lock(s.mutex);
  s.keeper_wake.wait_until(lock, next_event());
  if (s.abandoned || (s.stopping && s.in_hand.empty() && s.late.empty())) return {};
  auto now = clock::now();
  news n{.busy = !s.in_hand.empty()};
  if (keep_deadlines(now)) must_end_ = true;
  collect_statuses(n, now);
  if (!s.ready.empty() && now - s.moved_at > stall) {
    s.return_unstarted();
    s.ahead.took(stall);  // the job before them is a long one
    s.wake_claimer();
  }
  if (must_end_) n.farewell = give_up_all();
  collect_timed(n, now);
  return n;
}

keeper::clock::time_point keeper::next_event() const {
  auto& s = *shared_;
  auto until = s.in_hand.empty() ? next_look_ : std::min(next_look_, clock::now() + progress_pause);
  for (auto& [tag, e] : s.in_hand)
    if (!e->ended) until = std::min({until, e->deadline, e->overdue_at});
  return s.late.empty() ? until : std::min(until, s.late.front().at);
}

bool keeper::keep_deadlines(clock::time_point now) {
  auto& s = *shared_;
  bool deaf = false;
  for (auto& [tag, e] : s.in_hand) {
    if (e->ended) continue;
    if (now >= e->deadline) {
      e->deadline = clock::time_point::max();
      e->overdue_at = std::min(e->overdue_at, now + s.options.config.cancel_grace);
      if (e->job.cancelled == cancel_reason::none) {
        e->job.cancelled = cancel_reason::timeout;
        s.options.runner->notify(e->job);
      }
    }
    if (now >= e->overdue_at) {
      if (s.options.runner->kill(e->job))
        e->overdue_at = clock::time_point::max();
      else
        deaf = true;
    }
  }
  return deaf;
}

void keeper::collect_statuses(news& n, clock::time_point now) {
  auto& s = *shared_;
  for (auto& [tag, e] : s.in_hand) {
    if (e->ended) continue;
    std::lock_guard of_job(e->job.mutex);
    if (e->job.what.tracked() && std::exchange(e->job.progressed, false))
      n.statuses.emplace_back(key_of_job(e->job.what.payload),
                              running_status(e->job.what, e->job.share, e->job.text));
  }
  for (; !s.late.empty() && now >= s.late.front().at; s.late.pop_front())
    n.statuses.emplace_back(std::move(s.late.front().id), std::move(s.late.front().status));
}

void keeper::collect_timed(news& n, clock::time_point now) {
  auto& s = *shared_;
  auto lease = s.options.config.lease;
  if (slept() > lease / 3) {
    next_renewal_ = now;
    may_reap_at_ = now + lease;
  }
  if (now >= next_renewal_) {
    next_renewal_ = now + lease / 3;
    for (auto& [tag, e] : s.in_hand) n.leases.push_back(e->job.what);
  }
  if (now >= next_look_) {
    next_look_ = now + look_pause;
    n.look = true;
    n.skipped = std::exchange(s.events_skipped, 0);
  }
  if ((n.look || !n.farewell.empty()) && !std::exchange(s.told_tallies, true)) n.tallies = s.ended;
  if (now >= next_work_) {
    next_work_ = now + progress_pause;
    n.work = s.work();
  }
}

std::vector<job_outcome> keeper::give_up_all() {
  auto& s = *shared_;
  s.return_unstarted();
  for (auto& [tag, e] : s.in_hand) {
    auto why = e->job.cancelled.load();
    bool ours = why == cancel_reason::timeout || why == cancel_reason::by_request ||
                why == cancel_reason::killed;
    s.finish(e, ended_from_outside(*s.jobs, e->job.what, ours ? why : cancel_reason::must_go,
                                   s.chance()));
  }
  s.abandoned = true;
  return std::exchange(s.outcomes, {});
}

// -- with the store

bool keeper::renew(const std::vector<delivery>& leases) {
  auto& s = *shared_;
  auto lost = s.keeps->renew(leases, s.options.config.lease);
  if (!lost) {
    s.log.warn("cannot renew leases: {}", to_string(lost.error()));
    next_renewal_ = std::min(next_renewal_, clock::now() + look_pause);
    may_reap_at_ = clock::now() + s.options.config.lease;
    return false;
  }
  std::lock_guard lock(s.mutex);
  for (auto& tag : *lost) {
    auto e = s.in_hand.find(tag);
    if (e == s.in_hand.end() || e->second->ended) continue;
    s.log.warn("the lease of a job is lost: it may run elsewhere");
    e->second->job.cancelled = cancel_reason::lease_lost;
    s.options.runner->notify(e->second->job);
  }
  return true;
}

bool keeper::heed_wishes() {
  auto& s = *shared_;
  auto wishes = s.keeps->cancel_requests();
  if (!wishes) {
    may_reap_at_ = clock::now() + s.options.config.lease;
    return false;
  }
  if (wishes->empty()) return true;
  std::lock_guard lock(s.mutex);
  for (auto& [tag, e] : s.in_hand) {
    if (e->ended || e->job.cancelled != cancel_reason::none) continue;
    auto id = key_of_job(e->job.what.payload);
    if (std::find(wishes->begin(), wishes->end(), id) == wishes->end()) continue;
    if (!e->job.started) {
      std::erase(s.ready, e);
      s.finish(e, ended_from_outside(*s.jobs, e->job.what, cancel_reason::by_request, 0));
      s.wake_claimer();
      continue;
    }
    e->job.cancelled = cancel_reason::by_request;
    e->overdue_at = clock::now() + s.options.config.cancel_grace;
    s.options.runner->notify(e->job);
  }
  return true;
}

void keeper::look_after_others() {
  auto& s = *shared_;
  if (clock::now() >= may_reap_at_) {
    auto reaped = s.keeps->reap();
    if (!reaped) may_reap_at_ = clock::now() + s.options.config.lease;
    if (reaped && *reaped > 0) s.log.warn("{} jobs of silent consumers are ready again", *reaped);
  }
  if (clock::now() >= next_heartbeat_ && s.keeps->heartbeat(s.options.worker))
    next_heartbeat_ = clock::now() + heartbeat_pause;
}

milliseconds keeper::slept() {
  auto by_wall = std::chrono::system_clock::now() - wall_;
  auto by_steady = clock::now() - steady_;
  wall_ += by_wall;
  steady_ += by_steady;
  return std::chrono::duration_cast<milliseconds>(by_wall - by_steady);
}

}  // namespace sm
