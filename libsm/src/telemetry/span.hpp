// What a process records of a trace: spans, and the documents in which collectors take them
// (OTLP/HTTP with JSON, opentelemetry-proto 1.x).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <sm/trace.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sm {

/// Which share of the traces that begin in this process is recorded, 0 to 1. At first none.
void set_trace_sampling(double share) noexcept;
/// Begins a trace. What is drawn does not repeat in children of a fork.
trace_context begin_trace() noexcept;
/// Whether spans of that place are recorded here: it is sampled, and there is somebody who takes
/// them.
bool is_recorded(const trace_context& place) noexcept;
/// The place of a new span within `parent`. One of which none is recorded stays where it is.
trace_context child_of(const trace_context& parent) noexcept;

struct span {
  enum class kind { internal = 1, server, client, producer, consumer };  ///< as OTLP numbers them
  using clock = std::chrono::system_clock;
  using value = std::variant<std::string, std::int64_t>;

  trace_context place{};
  std::uint64_t parent = 0;  ///< 0: it is the trace's first
  kind role = kind::internal;
  std::string name{};
  clock::time_point begin{};
  std::chrono::nanoseconds took{};
  std::vector<std::pair<std::string, value>> attributes{};
  std::string failure{};  ///< shown up to 1 KiB of it
  bool failed = false;
};

/// An OTLP Span as JSON text.
std::string encode_span(const span& of);

/// Whose spans they are: a service, and which of its processes; all of one program.
struct span_source {
  std::string service{};   ///< service.name
  std::string instance{};  ///< service.instance.id

  friend auto operator<=>(const span_source&, const span_source&) = default;
};

/// Takes the spans of this process, in the thread that records one. Until it is set none is
/// recorded. Set once, before other threads run.
void record_spans_with(std::function<void(const span&)> sink);
/// Of a place for which `is_recorded`; others must not come here.
void record_span(const span& of);

}  // namespace sm
