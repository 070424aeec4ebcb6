#include "queue/queue_metrics.hpp"

namespace sm {

void write_queue_metrics(metric_page& page, const std::vector<queue_counts>& queues,
                         const queue_totals& totals) {
  page.family("sm_queue_depth", "gauge", "Jobs of a queue by state.");
  for (auto& q : queues) {
    page.sample("sm_queue_depth", {{"queue", q.queue}, {"state", "ready"}}, q.ready);
    page.sample("sm_queue_depth", {{"queue", q.queue}, {"state", "running"}}, q.running);
    page.sample("sm_queue_depth", {{"queue", q.queue}, {"state", "delayed"}}, q.delayed);
  }
  page.family("sm_queue_latency_seconds", "gauge", "Age of the oldest job that waits.");
  for (auto& q : queues)
    page.sample("sm_queue_latency_seconds", {{"queue", q.queue}},
                static_cast<double>(q.oldest_ms) / 1000);
  page.family("sm_queue_paused", "gauge", "1 while no job of the queue is claimed.");
  for (auto& q : queues)
    page.sample("sm_queue_paused", {{"queue", q.queue}}, q.paused || totals.paused ? 1 : 0);
  page.family("sm_queue_processed", "counter",
              "Attempts that have ended, in all processes that share the store.");
  page.sample("sm_queue_processed_total", {}, totals.processed);
  page.family("sm_queue_failed", "counter",
              "Jobs that died, in all processes that share the store.");
  page.sample("sm_queue_failed_total", {}, totals.failed);
  page.family("sm_queue_dead", "gauge", "Dead jobs that are kept.");
  page.sample("sm_queue_dead", {}, totals.dead);
}

void write_queue_up(metric_page& page, bool up) {
  page.family("sm_queue_up", "gauge", "Whether the queue's store answers.");
  page.sample("sm_queue_up", {}, up ? 1 : 0);
}

}  // namespace sm
