// A value with the trace that it was seen in (OpenMetrics 1.0, "Exemplars").
#pragma once

#include <chrono>
#include <sm/trace.hpp>

#include "telemetry/span.hpp"

namespace sm {

struct exemplar {
  trace_context trace{};  ///< invalid: there is none
  double value = 0;
  double at = 0;  ///< Unix seconds

  /// That of now, if the thread's trace is recorded.
  static exemplar of(double value) {
    auto& trace = current_trace();
    if (!is_recorded(trace)) return {};
    auto now = std::chrono::system_clock::now().time_since_epoch();
    return {trace, value, std::chrono::duration<double>(now).count()};
  }
};

}  // namespace sm
