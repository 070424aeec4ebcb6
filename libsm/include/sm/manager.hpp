// What a route handler may ask of the manager: its services, and the queue.
// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <chrono>
#include <sm/json.hpp>
#include <sm/promise.hpp>
#include <sm/queue.hpp>
#include <string>

namespace sm {

/// Thread-safe. Every call ends by its timeout; a timeout of 0 is the configured one (2 s).
class manager {
 public:
  virtual ~manager() = default;

  /// Sends a command to one service and answers with its result as JSON text. `service` names an
  /// instance ("web:1") or a service, of which a ready instance is taken in turn.
  promise<json_text> send(const std::string& service, const std::string& command,
                          const json& arguments = nullptr, std::chrono::milliseconds timeout = {}) {
    return send_text(service, command, print_json(arguments), timeout);
  }

  /// Sends a command and drops the answer.
  virtual void tell(const std::string& service, const std::string& command,
                    const json& arguments = nullptr) = 0;

  /// Sends a command to every selected instance and gathers the answers:
  /// {"complete": false, "results": {"a": {"ok": true, "result": ..., "us": 180},
  ///                                 "b": {"ok": false, "error": {"code": "timeout", ...}}}}.
  /// `select` is "*", a glob over names, "group:NAME" or "tag:NAME", or several with commas.
  promise<json_text> broadcast(const std::string& select, const std::string& command,
                               const json& arguments = nullptr,
                               std::chrono::milliseconds timeout = {}) {
    return broadcast_text(select, command, print_json(arguments), timeout);
  }
  /// To all services.
  promise<json_text> broadcast(const std::string& command) { return broadcast("*", command); }

  /// Puts a job into the queue; fulfilled when it is stored.
  template <class Job>
  promise<job_id> enqueue(const Job& job, enqueue_options options = {}) {
    return jobs().enqueue(job, std::move(options));
  }

  virtual promise<json_text> send_text(const std::string& service, const std::string& command,
                                       std::string arguments,
                                       std::chrono::milliseconds timeout) = 0;
  virtual promise<json_text> broadcast_text(const std::string& select, const std::string& command,
                                            std::string arguments,
                                            std::chrono::milliseconds timeout) = 0;
  virtual const queue& jobs() const = 0;
};

}  // namespace sm
