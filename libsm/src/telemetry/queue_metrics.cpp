#include "telemetry/queue_metrics.hpp"

#include <fmt/format.h>

#include <functional>

namespace sm {
namespace {

/// A label's value: backslash, quote and line feed are escaped.
std::string escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

}  // namespace

std::string queue_metrics(const std::vector<queue_counts>& queues, const queue_totals& totals) {
  std::string text;
  auto family = [&](const char* name, const char* type, const char* help) {
    text += fmt::format("# TYPE {} {}\n# HELP {} {}\n", name, type, name, help);
  };
  auto each = [&](const char* name, const char* labels,
                  const std::function<double(const queue_counts&)>& value) {
    for (auto& q : queues)
      text += fmt::format("{}{{queue=\"{}\"{}}} {}\n", name, escaped(q.queue), labels, value(q));
  };
  family("sm_queue_depth", "gauge", "Jobs of a queue by state.");
  each("sm_queue_depth", ",state=\"ready\"", [](auto& q) { return static_cast<double>(q.ready); });
  each("sm_queue_depth", ",state=\"running\"",
       [](auto& q) { return static_cast<double>(q.running); });
  each("sm_queue_depth", ",state=\"delayed\"",
       [](auto& q) { return static_cast<double>(q.delayed); });
  family("sm_queue_latency_seconds", "gauge", "Age of the oldest job that waits.");
  each("sm_queue_latency_seconds", "",
       [](auto& q) { return static_cast<double>(q.oldest_ms) / 1000; });
  family("sm_queue_paused", "gauge", "1 while no job of the queue is claimed.");
  each("sm_queue_paused", "", [&](auto& q) { return q.paused || totals.paused ? 1.0 : 0.0; });
  family("sm_jobs", "counter", "Attempts that have ended, and jobs that died.");
  text += fmt::format("sm_jobs_total{{outcome=\"processed\"}} {}\n", totals.processed);
  text += fmt::format("sm_jobs_total{{outcome=\"failed\"}} {}\n", totals.failed);
  family("sm_jobs_dead", "gauge", "Dead jobs that are kept.");
  text += fmt::format("sm_jobs_dead {}\n", totals.dead);
  return text;
}

}  // namespace sm
