// What a process records of a trace: spans, and the documents in which collectors take them
// (OTLP/HTTP with JSON, opentelemetry-proto 1.x).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <sm/trace.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sm {

/// Which share of the traces that begin in this process is recorded, 0 to 1. At first none.
void set_trace_sampling(double share) noexcept;
/// Begins a trace. What is drawn does not repeat in children of a fork.
trace_context begin_trace() noexcept;
/// The place of a new span within `parent`. One that is not sampled records none and stays where it
/// is.
trace_context child_of(const trace_context& parent) noexcept;

struct span {
  enum class kind { internal = 1, server, client, producer, consumer };  ///< as OTLP numbers them
  using clock = std::chrono::system_clock;

  trace_context place{};
  std::uint64_t parent = 0;  ///< 0: it is the trace's first
  kind role = kind::internal;
  std::string name{};
  clock::time_point begin{};
  std::chrono::nanoseconds took{};
  std::vector<std::pair<std::string, std::string>> attributes{};
  std::string failure{};  ///< "" when it went well
  bool failed = false;
};

/// An OTLP Span as JSON text.
std::string encode_span(const span& of);

/// Whose spans they are: a service, and which of its processes.
struct span_source {
  std::string service{};   ///< service.name
  std::string instance{};  ///< service.instance.id

  friend auto operator<=>(const span_source&, const span_source&) = default;
};

/// Takes the spans of this process, in the thread that records one. Until it is told, they are
/// dropped. Set once, before other threads run.
void record_spans_with(std::function<void(const span&)> sink);
/// Of a place that is sampled; others must not come here.
void record_span(const span& of);

}  // namespace sm
