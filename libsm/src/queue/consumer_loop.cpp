#include "queue/consumer_loop.hpp"

#include <algorithm>

#include "queue/job_status.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using kind = job_outcome::kind;

constexpr milliseconds store_pause_min = 50ms;
constexpr milliseconds store_pause_max = 1s;
constexpr auto ack_within = 2ms;  // while there is enough to do, outcomes wait for company
constexpr auto progress_pause = 200ms;
constexpr auto look_pause = 1s;  // for cancellations and leases of others
constexpr auto heartbeat_pause = 30s;
constexpr auto farewell_patience = 2s;
constexpr auto must_go_patience = 200ms;  // for jobs that heed it
constexpr auto stall = 1s;                // jobs that wait here for so long are others' to take
constexpr auto suspects_wait = 5s;        // for a consumer's hands to become empty
constexpr unsigned events_per_second = 100;
constexpr auto late_pause = 250ms;  // PHP has written its status by then
constexpr std::size_t late_max = 10'000;

std::string_view word_for(kind how) {
  switch (how) {
    case kind::done:
      return "done";
    case kind::failed_retry:
      return "retry";
    case kind::failed_dead:
      return "dead";
    case kind::cancelled:
      return "cancelled";
    case kind::crashed:
      return "crashed";
    case kind::returned:
      break;
  }
  return "returned";
}

std::string type_of(const std::string& payload) {
  auto job = decode_payload(payload);
  return job ? job->type : std::string{};
}

/// A job that its own key frees when it begins.
bool frees_lock_at_start(const std::string& payload) {
  return payload.find(R"("until":"started")") != payload.npos;
}

/// What a job said of its progress stays readable after its end.
void keep_progress(job_outcome& o, job_in_hand& job) {
  if (o.status.empty() || o.how == kind::failed_retry) return;
  std::lock_guard lock(job.mutex);
  if (job.share == 0 && job.text.empty()) return;
  auto status = decode_status(o.status);
  status.text = job.text;
  if (status.status != job_status::phase::complete) status.share = job.share;
  o.status = encode_status(status);
}

}  // namespace

struct consumer_loop::state {
  struct entry {
    explicit entry(delivery d) : job(std::move(d)) {}
    job_in_hand job;
    clock::time_point since{}, deadline = clock::time_point::max(),
                               overdue_at = clock::time_point::max();
    std::int64_t began_s = 0;  // Unix time, beside `since`
    bool ended = false;        // its outcome is there
  };
  using entry_ptr = std::shared_ptr<entry>;

  state(consumer_options o, std::shared_ptr<const job_registry> j, logger l, callbacks c)
      : options(std::move(o)),
        jobs(std::move(j)),
        log(std::move(l)),
        to(std::move(c)),
        any_timeout(jobs->any_timeout()) {}

  const consumer_options options;
  const std::shared_ptr<const job_registry> jobs;
  const logger log;
  const callbacks to;
  const bool any_timeout;

  std::unique_ptr<job_store> claims;  // the claimer's
  std::unique_ptr<job_store> keeps;   // the keeper's
  std::unique_ptr<job_waiter> waiter;

  mutable std::mutex mutex;  // of all that follows
  std::condition_variable slot_wake, claimer_wake, keeper_wake, drained;
  bool stopping = false;  // no way back
  bool quitting = false;  // ends when nothing is in hand
  bool paused = false;
  bool hurried = false;    // what is in hand is handed back
  bool abandoned = false;  // the process ends; nobody works any more
  bool claimer_waits = false;
  std::map<delivery_tag, entry_ptr> in_hand;
  std::deque<entry_ptr> ready;  // of those, in no slot yet
  std::vector<job_outcome> outcomes;
  std::size_t low_water = 0;
  clock::time_point moved_at = clock::now();  // a job left `ready`, or came
  prefetch ahead;
  job_tallies ended;
  bool told_tallies = true;
  std::minstd_rand random{std::random_device{}()};
  std::vector<std::thread> slots;
  std::size_t slots_running = 0;

  struct late_status {
    clock::time_point at;
    job_id id;
    std::string status;
  };
  std::deque<late_status> late;

  // of the events: no more than some in each second
  clock::time_point event_second{};
  unsigned events_in_second = 0, events_dropped = 0;

  /// php-resque may have written a job's first status just now, after all ours.
  void write_later(const job_outcome& o) {
    if (o.status.empty()) return;
    if (late.size() >= late_max) late.pop_front();
    late.push_back({clock::now() + late_pause, o.id, o.status});
    if (late.size() == 1) keeper_wake.notify_one();
  }

  double chance() { return std::uniform_real_distribution<>(0, 1)(random); }

  void wake_claimer() {
    if (claimer_waits) waiter->interrupt();
    claimer_wake.notify_one();
  }

  /// Under the lock: the outcome of an entry, unless it has one or was given up. "" for a type that
  /// nobody read from the payload yet.
  bool finish(const entry_ptr& e, job_outcome outcome, std::string type = {}) {
    if (e->ended || !in_hand.contains(e->job.what.tag)) return false;
    e->ended = true;
    if (outcome.how != kind::returned) {
      if (type.empty()) type = type_of(e->job.what.payload);
      auto took = e->job.started ? clock::now() - e->since : clock::duration::zero();
      ended.add(e->job.what.queue, type, outcome.how, std::chrono::duration<double>(took).count());
      told_tallies = false;
    }
    outcomes.push_back(std::move(outcome));
    return true;
  }

  void return_unstarted() {
    for (auto& e : ready)
      finish(e, {.tag = e->job.what.tag, .queue = e->job.what.queue, .how = kind::returned});
    ready.clear();
  }

  void return_all() {
    return_unstarted();
    for (auto& [tag, e] : in_hand)
      if (finish(e, {.tag = tag, .queue = e->job.what.queue, .how = kind::returned})) {
        e->job.cancelled = cancel_reason::must_go;
        options.runner->kill(e->job);
      }
  }

  /// Asks all that work to end, without another process taking them up meanwhile.
  void ask_all(cancel_reason why) {
    for (auto& [tag, e] : in_hand)
      if (!e->ended && e->job.cancelled == cancel_reason::none) {
        e->job.cancelled = why;
        options.runner->notify(e->job);
      }
  }

  work_in_hand work() const {
    work_in_hand w;
    const entry* first = nullptr;
    for (auto& [tag, e] : in_hand) {
      if (e->ended || !e->job.started) continue;
      ++w.jobs;
      if (!first || e->since < first->since) first = e.get();
    }
    if (!first) return w;
    w.queue = first->job.what.queue;
    w.type = type_of(first->job.what.payload);
    w.since_s = first->began_s;
    return w;
  }

  /// Whether there is room for an event in this second; how many there was none for before.
  bool admits_event(unsigned& dropped) {
    auto now = clock::now();
    if (now - event_second >= 1s) {
      event_second = now;
      dropped = std::exchange(events_dropped, 0);
      events_in_second = 0;
    }
    if (++events_in_second <= events_per_second) return true;
    ++events_dropped;
    return false;
  }
};

consumer_loop::consumer_loop(consumer_options options, std::shared_ptr<const job_registry> jobs,
                             logger log, callbacks to)
    : state_(std::make_shared<state>(std::move(options), std::move(jobs), std::move(log),
                                     std::move(to))) {
  auto& s = *state_;
  for (auto* store : {&s.claims, &s.keeps}) {
    auto opened = open_job_store(s.options.queue_url, s.options.config);
    if (!opened) throw failure(opened.error());
    *store = std::move(*opened);
  }
  s.waiter = s.claims->make_waiter();
  auto warnings = s.keeps->warnings();
  if (warnings)
    for (auto& w : *warnings) s.log.warn("{}", w);
  else if (warnings.error().code != errc::unavailable)
    throw failure(warnings.error());
  s.slots_running = s.options.concurrency;
  for (unsigned i = 0; i < s.options.concurrency; ++i)
    s.slots.emplace_back([shared = state_] { serve_slot(shared); });
  claimer_ = std::thread([shared = state_] { claim(shared); });
  keeper_ = std::thread([shared = state_] { keep(shared); });
}

consumer_loop::~consumer_loop() {
  drain(0ms);
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->keeper_wake.notify_all();
  state_->slot_wake.notify_all();
  claimer_.join();
  keeper_.join();
  (void)state_->claims->unregister_worker(state_->options.worker);
  bool idle = false;
  {
    std::unique_lock lock(state_->mutex);
    idle = state_->drained.wait_for(lock, 100ms, [this] { return state_->slots_running == 0; });
  }
  for (auto& slot : state_->slots) idle ? slot.join() : slot.detach();
}

void consumer_loop::pause(bool paused) {
  std::lock_guard lock(state_->mutex);
  state_->paused = paused;
  if (paused) state_->return_unstarted();
  state_->wake_claimer();
}

void consumer_loop::quit() {
  std::lock_guard lock(state_->mutex);
  state_->quitting = true;
  state_->return_unstarted();
  state_->wake_claimer();
}

void consumer_loop::drain(milliseconds grace) {
  auto& s = *state_;
  std::unique_lock lock(s.mutex);
  s.stopping = true;
  s.return_unstarted();
  s.wake_claimer();
  s.slot_wake.notify_all();
  auto over = [&s] { return s.in_hand.empty() || s.hurried || s.abandoned; };
  s.drained.wait_for(lock, grace, over);
  if (s.in_hand.empty()) return;
  s.ask_all(cancel_reason::must_go);
  s.drained.wait_for(lock, must_go_patience, [&s] { return s.in_hand.empty() || s.abandoned; });
  s.hurried = true;
  s.return_all();
  s.wake_claimer();
  // The store may be away; the leases then run out by themselves.
  if (!s.drained.wait_for(lock, farewell_patience, [&s] { return s.in_hand.empty(); }))
    s.abandoned = true;
  s.wake_claimer();
}

void consumer_loop::hurry() {
  std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->hurried = true;
  state_->return_all();
  state_->wake_claimer();
  state_->drained.notify_all();
}

void consumer_loop::kill_jobs() {
  auto& s = *state_;
  std::lock_guard lock(s.mutex);
  for (auto& [tag, e] : s.in_hand) {
    if (!e->job.started || e->ended) continue;
    e->job.cancelled = cancel_reason::killed;
    if (!s.options.runner->kill(e->job))
      e->overdue_at = clock::now() + s.options.config.cancel_grace;
  }
  s.keeper_wake.notify_one();
}

consumer_state consumer_loop::now() const {
  std::lock_guard lock(state_->mutex);
  consumer_state now{.ended = state_->ended, .paused = state_->paused};
  for (auto& [tag, e] : state_->in_hand) now.in_hand.push_back(key_of_job(e->job.what.payload));
  return now;
}

// -- the slots

void consumer_loop::serve_slot(const std::shared_ptr<state>& shared) {
  auto& s = *shared;
  std::unique_lock lock(s.mutex);
  for (;;) {
    s.slot_wake.wait(lock, [&s] { return !s.ready.empty() || s.stopping; });
    if (s.ready.empty()) break;
    auto e = std::move(s.ready.front());
    s.ready.pop_front();
    s.moved_at = clock::now();
    if (s.ready.size() == s.low_water) s.wake_claimer();
    e->since = clock::now();
    e->began_s = unix_ms() / 1000;
    if (s.any_timeout)
      if (auto timeout = s.jobs->timeout_of(e->job.what.payload); timeout.count() > 0) {
        e->deadline = e->since + timeout;
        s.keeper_wake.notify_one();
      }
    e->job.started = true;
    auto chance = s.chance();
    lock.unlock();
    performance p;
    try {
      p = s.options.runner->run(e->job, chance);
    } catch (const std::exception& error) {
      s.log.error("a job could not be performed: {}", error.what());
      p.outcome = ended_from_outside(*s.jobs, e->job.what, cancel_reason::none, chance);
    }
    keep_progress(p.outcome, e->job);
    auto took = clock::now() - e->since;
    auto seconds = std::chrono::duration<double>(took).count();
    if (p.outcome.how == kind::failed_retry || p.outcome.how == kind::failed_dead ||
        p.outcome.how == kind::crashed)
      s.log.error("job {} failed{}: {}: {}", p.outcome.id,
                  p.outcome.how == kind::failed_dead ? " for good" : "", p.outcome.exception,
                  p.outcome.text);
    lock.lock();
    s.ahead.took(took);
    unsigned dropped = 0;
    bool tell = s.admits_event(dropped);
    job_event event;
    if (tell)
      event = {std::string(word_for(p.outcome.how)),
               p.type,
               p.outcome.id,
               p.outcome.queue,
               p.outcome.text,
               e->job.what.attempt(),
               seconds};
    s.finish(e, std::move(p.outcome), std::move(p.type));
    if (s.claimer_waits || s.ready.size() <= s.low_water) s.wake_claimer();
    if (tell || dropped > 0) {
      lock.unlock();
      if (dropped > 0) s.to.on_event({.what = "skipped", .attempt = dropped});
      if (tell) s.to.on_event(event);
      lock.lock();
    }
  }
  --s.slots_running;
  s.drained.notify_all();
}

// -- the claimer

void consumer_loop::claim(const std::shared_ptr<state>& shared) {
  auto& s = *shared;
  auto pause = store_pause_min;
  bool watching = false, in_doubt = false, said_drained = false;
  auto suspect_since = clock::time_point::max();  // one waits for this consumer's empty hands
  std::vector<std::string> served;
  auto before_claims = [&]() -> result<void> {
    if (!in_doubt) return {};
    std::vector<delivery_tag> held;
    {
      std::lock_guard lock(s.mutex);
      for (auto& [tag, e] : s.in_hand) held.push_back(tag);
    }
    auto put_back = s.claims->resync(s.options.worker, held);
    if (!put_back) return tl::unexpected<error>(put_back.error());
    in_doubt = false;
    return {};
  };
  // Another process with this pid may have died here before.
  (void)s.claims->release(s.options.worker);
  bool registered = s.claims->register_worker(s.options.worker).has_value();

  for (;;) {
    std::vector<job_outcome> done;
    claim_request rq{.worker = s.options.worker,
                     .queues = s.options.queues,
                     .max = 0,
                     .lease = s.options.config.lease};
    {
      std::unique_lock lock(s.mutex);
      bool may_claim = !s.stopping && !s.quitting && !s.paused;
      if (s.ready.size() > s.low_water && may_claim)
        s.claimer_wake.wait_for(lock, ack_within, [&s] {
          return s.ready.size() <= s.low_water || s.stopping || s.quitting || s.paused;
        });
      if (s.abandoned || (s.stopping && s.in_hand.empty())) break;
      if (s.quitting && s.in_hand.empty() && !std::exchange(said_drained, true)) {
        lock.unlock();
        (void)s.claims->unregister_worker(s.options.worker);
        s.to.on_drained();
        lock.lock();
      }
      may_claim = !s.stopping && !s.quitting && !s.paused;
      done = std::exchange(s.outcomes, {});
      auto busy = s.in_hand.size() - done.size();
      bool suspect_works = std::any_of(s.in_hand.begin(), s.in_hand.end(), [](auto& pair) {
        return !pair.second->ended && pair.second->job.what.crashes >= suspect_from;
      });
      auto room = s.options.concurrency + s.ahead.beyond(s.options.concurrency);
      // A process of its own takes nobody with it.
      bool shared_fate = !s.options.runner->isolates();
      bool suspect_waits = suspect_since != clock::time_point::max();
      rq.pass_suspects = suspect_waits && clock::now() - suspect_since > suspects_wait;
      if (rq.pass_suspects) suspect_waits = false;
      if (may_claim && !(suspect_works && shared_fate) && busy < room &&
          !(suspect_waits && busy > 0))
        rq.max = room - static_cast<unsigned>(busy);
      rq.alone = busy == 0 || !shared_fate;
      rq.idle = busy == 0;
    }

    exchange_result got;
    if (!done.empty() || rq.max > 0) {
      if (!registered) registered = s.claims->register_worker(s.options.worker).has_value();
      auto ready = before_claims();
      auto exchanged = ready ? s.claims->exchange(done, rq)
                             : result<exchange_result>(tl::unexpected<error>(ready.error()));
      if (!exchanged) {
        in_doubt = true;
        s.log.warn("the queue does not answer: {}", to_string(exchanged.error()));
        std::unique_lock lock(s.mutex);
        s.outcomes.insert(s.outcomes.begin(), done.begin(), done.end());
        s.claimer_wake.wait_for(lock, pause, [&s] { return s.abandoned; });
        pause = std::min(pause * 2, store_pause_max);
        continue;
      }
      pause = store_pause_min;
      got = std::move(*exchanged);
      if (got.accepted < done.size())
        s.log.warn("{} of {} outcomes came after their lease ran out", done.size() - got.accepted,
                   done.size());
    }

    // Who has work shall not be woken in the place of one who has none.
    if (!got.claimed.empty() && std::exchange(watching, false)) s.waiter->unwatch();
    std::vector<std::pair<job_id, std::string>> begun;
    for (auto& d : got.claimed) {
      if (d.tracked()) begun.emplace_back(key_of_job(d.payload), running_status(d, 0, {}));
      if (frees_lock_at_start(d.payload))
        if (auto job = decode_payload(d.payload); job && job->lock_until_started)
          (void)s.claims->release_lock(job->lock, job->id);
    }
    if (!begun.empty()) (void)s.claims->put_status(begun);

    bool claimed = !got.claimed.empty();
    {
      std::lock_guard lock(s.mutex);
      for (auto& o : done) {
        auto e = s.in_hand.find(o.tag);
        if (e == s.in_hand.end()) continue;
        if (e->second->job.what.status_may_come && o.how != kind::failed_retry) s.write_later(o);
        s.in_hand.erase(e);
      }
      for (auto& d : got.claimed) {
        auto tag = d.tag;
        auto e = std::make_shared<state::entry>(std::move(d));
        s.in_hand[tag] = e;
        s.ready.push_back(std::move(e));
      }
      if (claimed) {
        s.low_water = got.claimed.size() / 2;
        if (s.paused || s.quitting || s.stopping) s.return_unstarted();
        if (s.ready.size() > 1)
          s.slot_wake.notify_all();
        else
          s.slot_wake.notify_one();
      }
      if (s.in_hand.empty()) s.drained.notify_all();
      if (rq.max > 0 && (!got.suspect_waits || rq.pass_suspects))
        suspect_since = clock::time_point::max();
      else if (got.suspect_waits && suspect_since == clock::time_point::max())
        suspect_since = clock::now();
      if (claimed) s.moved_at = clock::now();
      if (claimed || !s.outcomes.empty()) continue;
      if (s.stopping && s.in_hand.empty()) continue;
      s.claimer_waits = true;
    }
    if (rq.max > 0 && !got.suspect_waits && !std::exchange(watching, true)) {
      served = std::move(got.served);
      std::erase_if(served, [&](auto& queue) {
        return std::find(got.held_back.begin(), got.held_back.end(), queue) != got.held_back.end();
      });
      s.waiter->watch(served);
      std::lock_guard lock(s.mutex);
      s.claimer_waits = false;
      continue;  // a job may have come just before
    }
    s.waiter->wait(got.look_again);
    if (std::exchange(watching, false)) s.waiter->unwatch();
    std::lock_guard lock(s.mutex);
    s.claimer_waits = false;
  }
}

// -- the keeper

void consumer_loop::keep(const std::shared_ptr<state>& shared) {
  auto& s = *shared;
  auto& config = s.options.config;
  auto next_renewal = clock::now() + config.lease / 3;
  auto next_look = clock::now() + look_pause;
  auto next_heartbeat = clock::now() + heartbeat_pause;
  // Who was out of reach for long, or asleep with its host, must not take others for dead: they
  // were, too, and come back as well.
  auto may_reap_at = clock::now();
  auto asleep = [wall = std::chrono::system_clock::now(), steady = clock::now()]() mutable {
    auto by_wall = std::chrono::system_clock::now() - wall;
    auto by_steady = clock::now() - steady;
    wall += by_wall;
    steady += by_steady;
    return std::chrono::duration_cast<milliseconds>(by_wall - by_steady);
  };
  auto next_work = clock::now();
  work_in_hand told_work;
  for (;;) {
    std::vector<delivery> to_renew;
    std::vector<std::pair<job_id, std::string>> progress;
    std::vector<job_outcome> farewell;
    std::optional<job_tallies> tallies;
    std::optional<work_in_hand> work;
    bool look = false, anything = false;
    {
      std::unique_lock lock(s.mutex);
      auto until =
          s.in_hand.empty() ? next_look : std::min(next_look, clock::now() + progress_pause);
      for (auto& [tag, e] : s.in_hand)
        if (!e->ended) until = std::min({until, e->deadline, e->overdue_at});
      if (!s.late.empty()) until = std::min(until, s.late.front().at);
      s.keeper_wake.wait_until(lock, until);
      if (s.abandoned || (s.stopping && s.in_hand.empty() && s.late.empty())) return;
      auto now = clock::now();
      anything = !s.in_hand.empty();
      bool overdue = false;
      for (auto& [tag, e] : s.in_hand) {
        if (e->ended) continue;
        if (now >= e->deadline) {
          e->deadline = clock::time_point::max();
          e->overdue_at = std::min(e->overdue_at, now + config.cancel_grace);
          if (e->job.cancelled == cancel_reason::none) {
            e->job.cancelled = cancel_reason::timeout;
            s.options.runner->notify(e->job);
          }
        }
        if (now >= e->overdue_at) {
          e->overdue_at = clock::time_point::max();
          if (!s.options.runner->kill(e->job)) overdue = true;
        }
        std::lock_guard of_job(e->job.mutex);
        if (e->job.what.tracked() && std::exchange(e->job.progressed, false))
          progress.emplace_back(key_of_job(e->job.what.payload),
                                running_status(e->job.what, e->job.share, e->job.text));
      }
      for (; !s.late.empty() && now >= s.late.front().at; s.late.pop_front())
        progress.emplace_back(s.late.front().id, s.late.front().status);
      if (!s.ready.empty() && now - s.moved_at > stall) {
        s.return_unstarted();
        s.ahead.took(stall);  // the job before them is a long one
        s.wake_claimer();
      }
      if (overdue) {
        s.return_unstarted();
        for (auto& [tag, e] : s.in_hand) {
          auto why = e->job.cancelled.load();
          bool ours = why == cancel_reason::timeout || why == cancel_reason::by_request ||
                      why == cancel_reason::killed;
          s.finish(e, ended_from_outside(*s.jobs, e->job.what, ours ? why : cancel_reason::must_go,
                                         s.chance()));
        }
        farewell = std::exchange(s.outcomes, {});
        s.abandoned = true;
      }
      if (asleep() > config.lease / 3) {
        next_renewal = now;
        may_reap_at = now + config.lease;
      }
      if (now >= next_renewal) {
        next_renewal = now + config.lease / 3;
        for (auto& [tag, e] : s.in_hand) to_renew.push_back(e->job.what);
      }
      if (now >= next_look) {
        look = true;
        next_look = now + look_pause;
      }
      if ((look || overdue) && !std::exchange(s.told_tallies, true)) tallies = s.ended;
      if (now >= next_work) {
        next_work = now + progress_pause;
        work = s.work();
      }
    }
    if (tallies) s.to.on_tallies(*tallies);
    if (work && *work != told_work) s.to.on_work(told_work = std::move(*work));
    if (!farewell.empty()) {
      s.log.error("a job does not heed that it was asked to end: its process ends");
      if (auto told = s.keeps->exchange(farewell, {.worker = s.options.worker, .max = 0}); !told)
        s.log.error("jobs may wait for their leases: {}", to_string(told.error()));
      s.to.on_overdue();
      return;
    }
    if (!progress.empty()) (void)s.keeps->put_status(progress);
    if (!to_renew.empty()) {
      auto lost = s.keeps->renew(to_renew, config.lease);
      if (!lost) {
        s.log.warn("cannot renew leases: {}", to_string(lost.error()));
        next_renewal = std::min(next_renewal, clock::now() + look_pause);
        may_reap_at = clock::now() + config.lease;
        continue;  // timeouts must not wait for a store that is away
      } else if (!lost->empty()) {
        std::lock_guard lock(s.mutex);
        for (auto& tag : *lost) {
          auto e = s.in_hand.find(tag);
          if (e == s.in_hand.end() || e->second->ended) continue;
          s.log.warn("the lease of a job is lost: it may run elsewhere");
          e->second->job.cancelled = cancel_reason::lease_lost;
          s.options.runner->notify(e->second->job);
        }
      }
    }
    if (!look) continue;
    if (anything) {
      auto wishes = s.keeps->cancel_requests();
      if (!wishes) {
        may_reap_at = clock::now() + config.lease;
        continue;
      }
      if (!wishes->empty()) {
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
          e->overdue_at = clock::now() + config.cancel_grace;
          s.options.runner->notify(e->job);
        }
      }
    }
    if (clock::now() >= may_reap_at) {
      auto reaped = s.keeps->reap();
      if (!reaped) may_reap_at = clock::now() + config.lease;
      if (reaped && *reaped > 0) s.log.warn("{} jobs of silent consumers are ready again", *reaped);
    }
    if (clock::now() >= next_heartbeat && s.keeps->heartbeat(s.options.worker))
      next_heartbeat = clock::now() + heartbeat_pause;
  }
}

}  // namespace sm
