#include "queue/consumer/consumer_shared.hpp"

#include "queue/payload.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using kind = job_outcome::kind;

constexpr unsigned events_per_second = 100;
constexpr auto late_pause = 250ms;  // PHP has written its status by then
constexpr std::size_t late_max = 10'000;

std::string type_of(const std::string& payload) {
  auto job = decode_payload(payload);
  return job ? job->type : std::string{};
}

}  // namespace

void consumer_shared::write_later(const job_outcome& o) {
  if (o.status.empty()) return;
  if (late.size() >= late_max) late.pop_front();
  late.push_back({clock::now() + late_pause, o.id, o.status});
  if (late.size() == 1) keeper_wake.notify_one();
}

bool consumer_shared::finish(const entry_ptr& e, job_outcome&& outcome, std::string type) {
  if (e->ended || !in_hand.contains(e->job.what.tag)) return false;
  auto how = outcome.how;
  outcomes.push_back(std::move(outcome));
  e->ended = true;
  if (how == kind::returned) return true;
  if (type.empty()) type = type_of(e->job.what.payload);
  auto took = e->job.started ? clock::now() - e->since : clock::duration::zero();
  ended.add(e->job.what.queue, type, how, std::chrono::duration<double>(took).count());
  told_tallies = false;
  return true;
}

void consumer_shared::return_unstarted() {
  for (auto& e : ready)
    finish(e, {.tag = e->job.what.tag, .queue = e->job.what.queue, .how = kind::returned});
  ready.clear();
}

void consumer_shared::return_all() {
  return_unstarted();
  for (auto& [tag, e] : in_hand)
    if (finish(e, {.tag = tag, .queue = e->job.what.queue, .how = kind::returned})) {
      e->job.cancelled = cancel_reason::must_go;
      options.runner->kill(e->job);
    }
}

void consumer_shared::ask_all(cancel_reason why) {
  for (auto& [tag, e] : in_hand)
    if (!e->ended && e->job.cancelled == cancel_reason::none) {
      e->job.cancelled = why;
      options.runner->notify(e->job);
    }
}

work_in_hand consumer_shared::work() const {
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

bool consumer_shared::admits_event() {
  auto now = clock::now();
  if (now - event_second >= 1s) {
    event_second = now;
    events_in_second = 0;
  }
  if (++events_in_second <= events_per_second) return true;
  ++events_skipped;
  return false;
}

}  // namespace sm
