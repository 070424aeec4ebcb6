// Spans that a service's process recorded, and figures that its code counted, on their way to the
// manager. In the actor's thread, but for what other threads record and count.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <sm/guarded.hpp>
#include <utility>

#include "link/caf.hpp"
#include "link/messages.hpp"
#include "process/posted_work.hpp"
#include "telemetry/own_metrics.hpp"
#include "telemetry/span.hpp"

namespace sm {

class telemetry_outbox {
 public:
  struct to_manager {
    std::function<bool()> is_there;
    std::function<void(wire::span_batch)> spans;
    std::function<void(wire::metric_report)> metrics;
  };

  telemetry_outbox(caf::io::broker* self, posted_work& posted, to_manager to)
      : self_(self), posted_(posted), to_(std::move(to)) {}

  /// Tells of the figures of this process from here on, and of its spans if somebody takes them:
  /// of that share of the traces that begin here.
  void open(bool spans_wanted, double sample) {
    set_trace_sampling(sample);
    if (spans_wanted) record_spans_with([this](const span& recorded) { record(recorded); });
    watch_own_metrics([this] {
      posted_.in_actor(
          [this] { tell_after(self_, metrics_pause, wire::timer_tick{metrics_timer}); });
    });
    tell_metrics();  // of what was counted before
  }

  /// False when it is no timer of this.
  bool on_timer(std::uint64_t id) {
    if (id == span_timer)
      tell_spans();
    else if (id == metrics_timer)
      tell_metrics();
    else
      return false;
    return true;
  }

  void tell_spans() {
    if (waiting_.spans.empty() || !to_.is_there()) return;
    waiting_bytes_ = 0;
    to_.spans(std::exchange(waiting_, {}));
  }

  /// All figures, each time: a manager that comes anew has to hear them.
  void tell_metrics() {
    auto all = own_metrics();
    if (all.empty()) return;
    auto text = encode(all);
    if (text.size() <= message_max) return to_.metrics({std::move(text)});
    if (!std::exchange(too_many_, true))
      log_error("metrics", {errc::overloaded,
                            "they are not shown: they take " + std::to_string(text.size()) +
                                " bytes, more than " + std::to_string(message_max),
                            {}});
  }

  void on_new_manager() {
    tell_spans();
    tell_metrics();
  }

 private:
  // The services' own timers count from 1.
  static constexpr std::uint64_t span_timer = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint64_t metrics_timer = span_timer - 1;
  static constexpr std::chrono::milliseconds spans_pause{200};
  static constexpr std::chrono::milliseconds metrics_pause{1000};
  // CAF blocks its I/O for large messages.
  static constexpr std::size_t message_max = 1 << 20;
  static constexpr std::size_t soon = 128 << 10;  // bytes of spans that are told at once
  static constexpr std::size_t waiting_max = message_max / 2;  // beyond it they are dropped

  /// From any thread.
  void record(const span& recorded) {
    posted_.in_actor([this, text = encode_span(recorded)]() mutable {
      if (waiting_.spans.size() >= waiting_max) return;
      waiting_.spans.push_back(std::move(text));
      if (waiting_.spans.size() == 1) tell_after(self_, spans_pause, wire::timer_tick{span_timer});
    });
  }

  caf::io::broker* const self_;
  posted_work& posted_;
  const to_manager to_;
  wire::span_batch waiting_;
  std::size_t waiting_bytes_ = 0;
  bool too_many_ = false;  // it has been said
};

}  // namespace sm
