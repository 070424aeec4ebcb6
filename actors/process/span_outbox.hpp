// Spans that a service's process recorded, on their way to the manager. In the actor's thread, but
// for `record`.
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <utility>

#include "link/caf.hpp"
#include "link/messages.hpp"
#include "process/posted_work.hpp"
#include "telemetry/span.hpp"

namespace sm {

class span_outbox {
 public:
  /// The timer that calls for `send`.
  static constexpr std::uint64_t timer = std::numeric_limits<std::uint64_t>::max();

  span_outbox(caf::io::broker* self, posted_work& posted,
              std::function<void(wire::span_batch)> to_manager)
      : self_(self), posted_(posted), to_manager_(std::move(to_manager)) {}

  /// Takes the spans of this process from here on, of that share of the traces that begin here.
  void open(double sample) {
    set_trace_sampling(sample);
    record_spans_with([this](const span& recorded) { record(recorded); });
  }

  void send() {
    if (!waiting_.spans.empty()) to_manager_(std::exchange(waiting_, {}));
  }

 private:
  /// From any thread.
  void record(const span& recorded) {
    posted_.in_actor([this, text = encode_span(recorded)]() mutable {
      if (waiting_.spans.size() >= waiting_max) return;
      waiting_.spans.push_back(std::move(text));
      if (waiting_.spans.size() == 1) tell_after(self_, together, wire::timer_tick{timer});
    });
  }

  static constexpr std::chrono::milliseconds together{200};
  static constexpr std::size_t waiting_max = 1000;  // beyond it they are dropped

  caf::io::broker* const self_;
  posted_work& posted_;
  const std::function<void(wire::span_batch)> to_manager_;
  wire::span_batch waiting_;
};

}  // namespace sm
