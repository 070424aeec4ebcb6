#include "queue/consumer/slot.hpp"

#include <sm/guarded.hpp>

#include "queue/job_status.hpp"
#include "queue/unix_time.hpp"
#include "telemetry/span.hpp"

namespace sm {
namespace {

using kind = job_outcome::kind;

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

/// By the conventions of OpenTelemetry for consumers of messages.
span span_of(const performance& of, const delivery& d, std::uint64_t parent,
             std::chrono::nanoseconds took) {
  auto& o = of.outcome;
  span recorded{
      .place = current_trace(),
      .parent = parent,
      .role = span::kind::consumer,
      .name = of.type.empty() ? "perform" : "perform " + of.type,
      .begin = span::clock::now() - std::chrono::duration_cast<span::clock::duration>(took),
      .took = took,
      .attributes = {{"messaging.system", "resque"},
                     {"messaging.destination.name", o.queue},
                     {"messaging.message.id", o.id},
                     {"sm.job.attempt", std::int64_t{d.attempt()}},
                     {"sm.job.outcome", std::string(word_for(o.how))}}};
  recorded.failed =
      o.how == kind::failed_retry || o.how == kind::failed_dead || o.how == kind::crashed;
  if (recorded.failed) recorded.failure = o.exception + ": " + o.text;
  return recorded;
}

}  // namespace

void slot::run() {
  std::unique_lock lock(shared_->mutex);
  while (entry_ || take(lock)) {
    if (!performed_ && entry_->ended) {  // cancelled, or handed back, before it could begin
      entry_.reset();
      continue;
    }
    if (!performed_) perform(lock);
    hand_in(lock);
  }
}

bool slot::take(lock_type& lock) {
  auto& s = *shared_;
  s.slot_wake.wait(lock, [&s] { return !s.ready.empty() || s.stopping; });
  if (s.ready.empty()) return false;
  entry_ = std::move(s.ready.front());
  s.ready.pop_front();
  s.moved_at = clock::now();
  if (s.ready.size() == s.low_water) s.wake_claimer();
  entry_->since = clock::now();
  entry_->began_s = unix_ms() / 1000;
  return true;
}

void slot::perform(lock_type& lock) {
  auto& s = *shared_;
  auto& job = entry_->job;
  if (s.any_timeout)
    if (auto timeout = s.jobs->timeout_of(job.what.payload); timeout.count() > 0) {
      entry_->deadline = entry_->since + timeout;
      s.keeper_wake.notify_one();
    }
  bool again = job.started;
  job.started = true;
  auto chance = s.chance();
  lock.unlock();
  // Of one that others enqueued a trace begins with each attempt.
  auto of_job = trace_of_job(job.what.payload);
  trace_scope of_attempt(of_job ? child_of(of_job) : begin_trace());
  auto ran = again ? fail(errc::internal, "its end could not be told")
                   : guarded("the performing of a job",
                             [&] { return s.options.runner->run(job, chance); });
  if (ran)
    performed_ = std::move(*ran);
  else
    performed_ =
        performance{ended_from_outside(*s.jobs, job.what, cancel_reason::none, chance), {}};
  took_ = clock::now() - entry_->since;
  auto& o = performed_->outcome;
  if (is_recorded(current_trace()))
    (void)guarded("the span of a job",
                  [&] { record_span(span_of(*performed_, job.what, of_job.span, took_)); });
  (void)guarded("the last progress of a job", [&] {
    keep_progress(o, job);
    if (o.how == kind::failed_retry || o.how == kind::failed_dead || o.how == kind::crashed)
      s.log.error("job {} failed{}: {}: {}", o.id, o.how == kind::failed_dead ? " for good" : "",
                  o.exception, o.text);
  });
  lock.lock();
  s.ahead.took(took_);
}

void slot::hand_in(lock_type& lock) {
  auto& s = *shared_;
  auto& o = performed_->outcome;
  std::optional<job_event> event;
  if (s.admits_event())
    event = {std::string(word_for(o.how)),
             performed_->type,
             o.id,
             o.queue,
             o.text,
             entry_->job.what.attempt(),
             std::chrono::duration<double>(took_).count()};
  s.finish(entry_, std::move(o), std::move(performed_->type));
  performed_.reset();
  entry_.reset();
  if (s.claimer_waits || s.ready.size() <= s.low_water) s.wake_claimer();
  if (!event) return;
  lock.unlock();
  (void)guarded("the telling of a job's end", [&] { s.to.on_event(*event); });
  lock.lock();
}

}  // namespace sm
