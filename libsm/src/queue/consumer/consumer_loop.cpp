#include "queue/consumer/consumer_loop.hpp"

#include <sm/guarded.hpp>

#include "queue/consumer/claimer.hpp"
#include "queue/consumer/keeper.hpp"
#include "queue/consumer/slot.hpp"
#include "queue/payload.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr auto farewell_patience = 2s;
constexpr auto must_go_patience = 200ms;  // for jobs that heed it

/// Goes on after an exception, after a pause.
template <class Work>
void run_guarded(const std::shared_ptr<consumer_shared>& shared, const char* what) {
  Work work(shared);
  while (!guarded(what, [&] { work.run(); })) {
    std::unique_lock lock(shared->mutex);
    if (shared->drained.wait_for(lock, 1s, [&] { return shared->abandoned; })) return;
  }
}

void run_slot(const std::shared_ptr<consumer_shared>& shared) {
  run_guarded<slot>(shared, "the thread that performs jobs");
  std::lock_guard lock(shared->mutex);
  --shared->slots_running;
  shared->drained.notify_all();
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
    s.slots.emplace_back([shared = shared_] { run_slot(shared); });
  claimer_ = std::thread(
      [shared = shared_] { run_guarded<claimer>(shared, "the thread that claims jobs"); });
  keeper_ = std::thread(
      [shared = shared_] { run_guarded<keeper>(shared, "the thread that keeps leases"); });
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

}  // namespace sm
