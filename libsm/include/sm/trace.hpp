// Where what runs stands in a trace (W3C Trace Context): what one request caused, across processes
// and jobs, has one trace id. SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sm {

/// A place in a trace: the trace's id and that of the span that what comes next belongs to.
struct trace_context {
  std::uint64_t trace_high = 0, trace_low = 0;  ///< its 16 bytes as two big-endian numbers
  std::uint64_t span = 0;
  bool sampled = false;  ///< spans of it are recorded

  explicit operator bool() const noexcept { return (trace_high | trace_low) != 0; }
  /// 32 lower-case hex digits, as logs and problem documents have it; "" of none.
  std::string trace_id() const;
  void append_trace_id(std::string& out) const;
  /// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01": the header for who is asked next.
  std::string traceparent() const;

  friend bool operator==(const trace_context&, const trace_context&) = default;
};

/// Reads a `traceparent` header. Nothing of what is not valid; of a version to come as much as is
/// known of it (W3C Trace Context 3.2, 4.3).
std::optional<trace_context> read_traceparent(std::string_view text) noexcept;

/// That of the command, job or request whose code runs in this thread, and of the continuations of
/// promises it waits for; an invalid one elsewhere. Commands and jobs that a service sends belong
/// to it by themselves; `traceparent()` is for requests of its own to others.
const trace_context& current_trace() noexcept;

/// What runs in this thread belongs to a trace, until the end of the block. For threads of a
/// service's own.
class trace_scope {
 public:
  explicit trace_scope(const trace_context& entered) noexcept;
  ~trace_scope();
  trace_scope(const trace_scope&) = delete;
  trace_scope& operator=(const trace_scope&) = delete;

 private:
  trace_context before_;
};

}  // namespace sm
