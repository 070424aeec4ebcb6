// Brings the spans of the manager and of all services to a collector: some at a time, from a thread
// of its own. While it is away a bounded number waits for it; what finds no room is dropped, and
// counted.
#pragma once

#include <optional>
#include <sm/config.hpp>
#include <sm/log.hpp>
#include <sm/promise.hpp>

#include "link/loop.hpp"
#include "process/worker_thread.hpp"
#include "telemetry/otlp_client.hpp"
#include "telemetry/span_buffer.hpp"
#include "telemetry/traffic_metrics.hpp"

namespace sm {

/// Of the traces that begin in a process; none without a collector.
double sampling_of(const trace_config& config);

class trace_exporter {
 public:
  /// From here on the spans of this process are taken, as those of the service "manager".
  trace_exporter(loop& l, const trace_config& config, const std::string& program, logger log);

  /// From the loop.
  void add(span_source from, std::string encoded);
  /// So many could not be told by a process.
  void count_dropped(std::uint64_t count) noexcept { figures_.dropped += count; }
  span_figures figures() const;
  /// One more try for what waits, within a second; when the loop has ended. Nothing is taken
  /// afterwards.
  void close();

 private:
  void send_after(std::chrono::milliseconds pause);
  void send();
  void on_outcome(const otlp_outcome& outcome);

  loop& loop_;
  const logger log_;
  std::optional<otlp_endpoint> to_;
  span_buffer waiting_;
  std::string document_;  // on its way, or to be sent again
  std::size_t in_document_ = 0;
  unsigned tries_ = 0;
  bool away_ = false;  // it has been said
  bool due_ = false;
  bool sending_ = false;
  promise<otlp_outcome> under_way_;
  span_figures figures_;
  asio::steady_timer timer_;
  worker_thread sender_{4};
};

}  // namespace sm
