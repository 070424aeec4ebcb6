// A command on its way through the manager, as one value.
#pragma once

#include <chrono>
#include <sm/trace.hpp>
#include <string>

namespace sm {

struct call {
  std::string target{};  ///< a service, an instance ("web:0"), or a selector
  std::string command{};
  std::string arguments{};               ///< JSON
  std::chrono::milliseconds timeout{0};  ///< from when it is taken; 0: link.command_timeout
  std::string caller{};                  ///< who asks, for the log: "web:0", or "http" for a client
  std::string scope{};                   ///< the services that may be asked; "": all
  std::string request{};                 ///< the request's id, of one over HTTP
  trace_context trace = current_trace();
};

}  // namespace sm
