// Asks whether something answers: a TCP port, or an HTTP URL.
#pragma once

#include <chrono>
#include <sm/error.hpp>
#include <string>

#include "process/listeners.hpp"

namespace sm {

struct probe_target {
  std::string host;
  std::string port;
  std::string path;  ///< of a URL
};

/// `kind` "tcp" takes "host:port", "http" takes "http://host[:port][/path]".
result<probe_target> parse_probe_target(const std::string& kind, const std::string& text);

/// Connects, and for "http" expects a status below 400. Blocks for `timeout` at most. Who answered
/// is at the other end of the connection that is returned.
result<connection_ends> probe(const std::string& kind, const probe_target& target,
                              std::chrono::milliseconds timeout);

}  // namespace sm
