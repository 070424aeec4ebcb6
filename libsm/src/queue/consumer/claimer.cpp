#include "queue/consumer/claimer.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "queue/job_status.hpp"
#include "queue/payload.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds pause_min = 50ms;  // before a store that does not answer is asked again
constexpr milliseconds pause_max = 1s;
constexpr auto ack_within = 2ms;    // while there is enough to do, outcomes wait for company
constexpr auto suspects_wait = 5s;  // for a consumer's hands to become empty

bool holds(const std::vector<std::string>& queues, const std::string& queue) {
  return std::find(queues.begin(), queues.end(), queue) != queues.end();
}

/// A job that its own key frees when it begins.
bool frees_lock_at_start(const std::string& payload) {
  return payload.find(R"("until":"started")") != payload.npos;
}

}  // namespace

claimer::claimer(std::shared_ptr<consumer_shared> shared)
    : shared_(std::move(shared)), pause_(pause_min) {}

void claimer::run() {
  auto& s = *shared_;
  if (!std::exchange(released_, true)) {
    // Another process with this pid may have died here before.
    (void)s.claims->release(s.options.worker);
    registered_ = s.claims->register_worker(s.options.worker).has_value();
  }
  while (auto next = plan()) try {
      make_trip(*next);
    } catch (...) {  // such as that memory ran out: what was to be told is told again
      in_doubt_ = true;
      std::lock_guard lock(s.mutex);
      tell_again(next->done);
      throw;
    }
}

void claimer::make_trip(trip& t) {
  exchange_result got;
  if (!t.pointless()) {
    auto answer = make(t);
    if (!answer) return;
    got = std::move(*answer);
  }
  // Who has work shall not be woken in the place of one who has none.
  if (!got.claimed.empty()) unwatch();
  tell_begun(got.claimed);
  if (!take_in(t, got)) await_jobs(t, got);
}

std::optional<claimer::trip> claimer::plan() {
  auto& s = *shared_;
  std::unique_lock lock(s.mutex);
  auto may_claim = [&s] { return !s.stopping && !s.quitting && !s.paused; };
  if (s.ready.size() > s.low_water && may_claim())
    s.claimer_wake.wait_for(lock, ack_within,
                            [&] { return s.ready.size() <= s.low_water || !may_claim(); });
  if (s.abandoned || (s.stopping && s.in_hand.empty())) return {};
  if (s.quitting && s.in_hand.empty() && !said_drained_) {
    lock.unlock();
    (void)s.claims->unregister_worker(s.options.worker);
    s.to.on_drained();
    said_drained_ = true;
    lock.lock();
  }
  trip t;
  plan_claim(t);
  if (!may_claim()) t.claim.max = 0;
  // Each job in hand has one outcome: what may have to be told again finds its room here.
  t.done.reserve(s.in_hand.size());
  t.done.swap(s.outcomes);
  return t;
}

void claimer::plan_claim(trip& t) const {
  auto& s = *shared_;
  t.claim = {.worker = s.options.worker,
             .queues = s.options.queues,
             .max = 0,
             .lease = s.options.config.lease};
  auto busy = s.in_hand.size() - s.outcomes.size();
  bool suspect_works = std::any_of(s.in_hand.begin(), s.in_hand.end(), [](auto& pair) {
    return !pair.second->ended && pair.second->job.what.crashes >= suspect_from;
  });
  // A process of its own takes nobody with it.
  bool shared_fate = !s.options.runner->isolates();
  bool suspect_waits = suspect_since_.has_value();
  t.claim.pass_suspects = suspect_waits && clock::now() - *suspect_since_ > suspects_wait;
  if (t.claim.pass_suspects) suspect_waits = false;
  auto room = s.options.concurrency + s.ahead.beyond(s.options.concurrency);
  if (!(suspect_works && shared_fate) && busy < room && !(suspect_waits && busy > 0))
    t.claim.max = room - static_cast<unsigned>(busy);
  t.claim.alone = busy == 0 || !shared_fate;
  t.claim.idle = busy == 0;
  t.claim.new_queues = watched_.has_value();
}

std::optional<exchange_result> claimer::make(trip& t) {
  auto& s = *shared_;
  if (!registered_) registered_ = s.claims->register_worker(s.options.worker).has_value();
  auto settled = settle_doubt();
  auto answer = settled ? s.claims->exchange(t.done, t.claim)
                        : result<exchange_result>(tl::unexpected<error>(settled.error()));
  if (!answer) {
    in_doubt_ = true;
    s.log.warn("the queue does not answer: {}", to_string(answer.error()));
    std::unique_lock lock(s.mutex);
    tell_again(t.done);
    s.claimer_wake.wait_for(lock, pause_, [&s] { return s.abandoned; });
    pause_ = std::min(pause_ * 2, pause_max);
    return {};
  }
  pause_ = pause_min;
  if (answer->accepted < t.done.size())
    s.log.warn("{} of {} outcomes came after their lease ran out", t.done.size() - answer->accepted,
               t.done.size());
  return std::move(*answer);
}

void claimer::tell_again(std::vector<job_outcome>& done) {
  auto& all = shared_->outcomes;
  all.insert(all.begin(), std::make_move_iterator(done.begin()),
             std::make_move_iterator(done.end()));
  done.clear();
}

result<void> claimer::settle_doubt() {
  if (!in_doubt_) return {};
  auto& s = *shared_;
  std::vector<delivery_tag> held;
  {
    std::lock_guard lock(s.mutex);
    for (auto& [tag, e] : s.in_hand) held.push_back(tag);
  }
  auto put_back = s.claims->resync(s.options.worker, held);
  if (!put_back) return tl::unexpected<error>(put_back.error());
  in_doubt_ = false;
  return {};
}

void claimer::tell_begun(const std::vector<delivery>& claimed) {
  auto& s = *shared_;
  std::vector<std::pair<job_id, std::string>> begun;
  for (auto& d : claimed) {
    if (d.tracked()) begun.emplace_back(key_of_job(d.payload), running_status(d, 0, {}));
    if (frees_lock_at_start(d.payload))
      if (auto job = decode_payload(d.payload); job && job->lock_until_started)
        (void)s.claims->release_lock(job->lock, job->id);
  }
  if (!begun.empty()) (void)s.claims->put_status(begun);
}

bool claimer::take_in(const trip& t, exchange_result& got) {
  auto& s = *shared_;
  std::lock_guard lock(s.mutex);
  for (auto& o : t.done) {
    auto e = s.in_hand.find(o.tag);
    if (e == s.in_hand.end()) continue;
    if (e->second->job.what.status_may_come && o.how != job_outcome::kind::failed_retry)
      s.write_later(o);
    s.in_hand.erase(e);
  }
  bool claimed = !got.claimed.empty();
  if (claimed) {
    s.low_water = got.claimed.size() / 2;
    s.moved_at = clock::now();
  }
  for (auto& d : got.claimed) {
    auto tag = d.tag;
    auto e = std::make_shared<consumer_shared::entry>(std::move(d));
    auto held = s.in_hand.insert_or_assign(tag, e).first;
    try {
      s.ready.push_back(std::move(e));
    } catch (...) {  // in no slot's reach it would be in hand for ever
      s.in_hand.erase(held);
      throw;
    }
  }
  if (claimed) {
    if (s.paused || s.quitting || s.stopping) s.return_unstarted();
    if (s.ready.size() > 1)
      s.slot_wake.notify_all();
    else
      s.slot_wake.notify_one();
  }
  if (s.in_hand.empty()) s.drained.notify_all();
  if (t.claim.max > 0 && (!got.suspect_waits || t.claim.pass_suspects))
    suspect_since_.reset();
  else if (got.suspect_waits && !suspect_since_)
    suspect_since_ = clock::now();
  bool at_the_end = s.in_hand.empty() && (s.stopping || (s.quitting && !said_drained_));
  if (claimed || !s.outcomes.empty() || at_the_end) return true;
  s.claimer_waits = true;
  return false;
}

void claimer::await_jobs(const trip& t, exchange_result& got) {
  auto& s = *shared_;
  // Not those that have jobs which may not be claimed now.
  std::erase_if(got.served, [&](auto& queue) { return holds(got.held_back, queue); });
  bool all_watched = watched_ && std::all_of(got.served.begin(), got.served.end(),
                                             [&](auto& queue) { return holds(*watched_, queue); });
  if (t.claim.max > 0 && !got.suspect_waits && !all_watched) {
    s.waiter->watch(got.served);  // a job may have come just before: it is looked once more
    watched_ = std::move(got.served);
  } else {
    s.waiter->wait(got.look_again);
    unwatch();
  }
  std::lock_guard lock(s.mutex);
  s.claimer_waits = false;
}

void claimer::unwatch() {
  if (std::exchange(watched_, std::nullopt)) shared_->waiter->unwatch();
}

}  // namespace sm
