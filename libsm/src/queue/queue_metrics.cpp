#include "queue/queue_metrics.hpp"

#include <fmt/format.h>

#include <functional>

#include "telemetry/open_metrics.hpp"

namespace sm {

std::string queue_metrics(const std::vector<queue_counts>& queues, const queue_totals& totals) {
  std::string text;
  auto each = [&](const char* name, const char* labels,
                  const std::function<double(const queue_counts&)>& value) {
    for (auto& q : queues)
      text +=
          fmt::format("{}{{queue=\"{}\"{}}} {}\n", name, escaped_label(q.queue), labels, value(q));
  };
  text += metric_family("sm_queue_depth", "gauge", "Jobs of a queue by state.");
  each("sm_queue_depth", ",state=\"ready\"", [](auto& q) { return static_cast<double>(q.ready); });
  each("sm_queue_depth", ",state=\"running\"",
       [](auto& q) { return static_cast<double>(q.running); });
  each("sm_queue_depth", ",state=\"delayed\"",
       [](auto& q) { return static_cast<double>(q.delayed); });
  text += metric_family("sm_queue_latency_seconds", "gauge", "Age of the oldest job that waits.");
  each("sm_queue_latency_seconds", "",
       [](auto& q) { return static_cast<double>(q.oldest_ms) / 1000; });
  text += metric_family("sm_queue_paused", "gauge", "1 while no job of the queue is claimed.");
  each("sm_queue_paused", "", [&](auto& q) { return q.paused || totals.paused ? 1.0 : 0.0; });
  text += metric_family("sm_queue_processed", "counter",
                        "Attempts that have ended, in all processes that share the store.");
  text += fmt::format("sm_queue_processed_total {}\n", totals.processed);
  text += metric_family("sm_queue_failed", "counter",
                        "Jobs that died, in all processes that share the store.");
  text += fmt::format("sm_queue_failed_total {}\n", totals.failed);
  text += metric_family("sm_queue_dead", "gauge", "Dead jobs that are kept.");
  text += fmt::format("sm_queue_dead {}\n", totals.dead);
  return text;
}

std::string queue_up_metric(bool up) {
  return metric_family("sm_queue_up", "gauge", "Whether the queue's store answers.") +
         (up ? "sm_queue_up 1\n" : "sm_queue_up 0\n");
}

}  // namespace sm
