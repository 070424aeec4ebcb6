// What is written down of a request once it is answered.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <sm/error.hpp>
#include <sm/principal.hpp>
#include <sm/trace.hpp>
#include <string>
#include <string_view>

namespace sm {

struct request_record {
  std::chrono::system_clock::time_point at{};
  std::string_view method{}, path{};  ///< the path without its query, which may hold a secret
  std::string_view route{};           ///< "GET /v1/services/:name"; "" when there was none
  std::string_view operation{};       ///< "services.stop"; "" for none of the table
  std::string_view id{};              ///< of the request
  trace_context trace{};
  const principal* who = nullptr;
  unsigned status = 0;
  std::uint64_t bytes = 0;         ///< of the body; 0 of one that goes on
  double seconds = 0;              ///< from its first byte to its answer
  std::optional<error> problem{};  ///< what went wrong, if the answer says so
  std::uint64_t unwritten = 0;     ///< of the audit log: refusals before it that are not in it

  /// Refused to somebody who has shown nothing: whoever reaches the port or the
  /// socket can have any number.
  bool of_nobody() const noexcept {
    return problem && who->from != principal::origin::program && !who->role;
  }
};

/// Appends a line of the access log, with its end: JSON, times in RFC 3339, "ms" with microseconds.
void append_access_line(std::string& log, const request_record& of);

}  // namespace sm
