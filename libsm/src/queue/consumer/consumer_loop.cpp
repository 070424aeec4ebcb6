#include "queue/consumer/consumer_loop.hpp"

#include <sm/guarded.hpp>

#include "queue/consumer/claimer.hpp"
#include "queue/consumer/keeper.hpp"
#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using kind = job_outcome::kind;

constexpr auto farewell_patience = 2s;
constexpr auto must_go_patience = 200ms;  // for jobs that heed it

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

/// Begins anew after an exception, after a pause; leases keep safe what was under way.
template <class Work>
void run_guarded(const std::shared_ptr<consumer_shared>& shared, const char* what) {
  while (!guarded("the thread that " + std::string(what), [&] { Work(shared).run(); })) {
    std::unique_lock lock(shared->mutex);
    if (shared->drained.wait_for(lock, 1s, [&] { return shared->stopping; })) return;
  }
}

}  // namespace

consumer_loop::consumer_loop(consumer_options options, std::shared_ptr<const job_registry> jobs,
                             logger log, consumer_callbacks to)
    : shared_(std::make_shared<consumer_shared>(std::move(options), std::move(jobs), std::move(log),
                                                std::move(to))) {
  auto& s = *shared_;
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
  try {
    start_threads();
  } catch (const std::system_error&) {  // a limit on tasks
    {
      std::lock_guard lock(s.mutex);
      s.stopping = true;
      s.wake_claimer();
    }
    s.slot_wake.notify_all();
    for (auto& slot : s.slots) slot.join();
    if (claimer_.joinable()) claimer_.join();
    throw failure(errc::unavailable, "the threads for jobs cannot be made");
  }
}

void consumer_loop::start_threads() {
  auto& s = *shared_;
  for (unsigned i = 0; i < s.options.concurrency; ++i)
    s.slots.emplace_back([shared = shared_] { serve_slot(shared); });
  claimer_ = std::thread([shared = shared_] { run_guarded<claimer>(shared, "claims jobs"); });
  keeper_ = std::thread([shared = shared_] { run_guarded<keeper>(shared, "keeps leases"); });
}

consumer_loop::~consumer_loop() {
  drain(0ms);
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->keeper_wake.notify_all();
  shared_->slot_wake.notify_all();
  claimer_.join();
  keeper_.join();
  (void)shared_->claims->unregister_worker(shared_->options.worker);
  bool idle = false;
  {
    std::unique_lock lock(shared_->mutex);
    idle = shared_->drained.wait_for(lock, 100ms, [this] { return shared_->slots_running == 0; });
  }
  for (auto& slot : shared_->slots) idle ? slot.join() : slot.detach();
}

void consumer_loop::pause(bool paused) {
  std::lock_guard lock(shared_->mutex);
  shared_->paused = paused;
  if (paused) shared_->return_unstarted();
  shared_->wake_claimer();
}

void consumer_loop::quit() {
  std::lock_guard lock(shared_->mutex);
  shared_->quitting = true;
  shared_->return_unstarted();
  shared_->wake_claimer();
}

void consumer_loop::drain(milliseconds grace) {
  auto& s = *shared_;
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
  std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->hurried = true;
  shared_->return_all();
  shared_->wake_claimer();
  shared_->drained.notify_all();
}

void consumer_loop::kill_jobs() {
  auto& s = *shared_;
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
  std::lock_guard lock(shared_->mutex);
  consumer_state now{.ended = shared_->ended, .paused = shared_->paused};
  for (auto& [tag, e] : shared_->in_hand) now.in_hand.push_back(key_of_job(e->job.what.payload));
  return now;
}

// -- the slots

void consumer_loop::serve_slot(const std::shared_ptr<consumer_shared>& shared) {
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
    auto run =
        guarded("the performing of a job", [&] { return s.options.runner->run(e->job, chance); });
    performance p;
    if (run)
      p = std::move(*run);
    else
      p.outcome = ended_from_outside(*s.jobs, e->job.what, cancel_reason::none, chance);
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
    bool tell = s.admits_event();
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
    if (tell) {
      lock.unlock();
      (void)guarded("the telling of a job's end", [&] { s.to.on_event(event); });
      lock.lock();
    }
  }
  --s.slots_running;
  s.drained.notify_all();
}

}  // namespace sm
