// Sends documents of spans to a collector: OTLP over HTTP with JSON. Blocks; for a thread of its
// own.
#pragma once

#include <chrono>
#include <sm/error.hpp>
#include <string>
#include <string_view>

namespace sm {

/// Where a collector is: "http://HOST[:PORT][/PATH]"; port 4318 and the path /v1/traces when they
/// are not said (OTLP 1.x, "OTLP/HTTP Request").
struct otlp_endpoint {
  std::string host{}, port{}, path{};
};
/// Fails with `bad_arguments`.
result<otlp_endpoint> read_otlp_endpoint(std::string_view text);

/// What became of a document.
struct otlp_outcome {
  enum class kind {
    accepted,
    refused,  ///< it would be again: it is not sent again
    later     ///< the collector is away or busy
  };
  kind how = kind::accepted;
  std::string why{};          ///< of what was not accepted, or only a part of it
  std::uint64_t refused = 0;  ///< spans of one that was accepted in part
};

/// What a reply of that status and body says (OTLP 1.x: 429, 502, 503 and 504 may be tried again; a
/// success may tell of a part that was refused).
otlp_outcome outcome_of_otlp(unsigned status, std::string_view body);

otlp_outcome send_spans(const otlp_endpoint& to, std::string document,
                        std::chrono::milliseconds patience);

}  // namespace sm
