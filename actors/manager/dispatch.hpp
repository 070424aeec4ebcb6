// Whom a command reaches: an instance by its name, a service's next one in turn, or everybody that
// a selector names. Runs in the loop alone.
#pragma once

#include <sm/log.hpp>

#include "manager/calls.hpp"
#include "manager/managed_service.hpp"

namespace sm {

class dispatch {
 public:
  dispatch(calls& commands, const service_table& services, logger log,
           std::chrono::milliseconds timeout)
      : commands_(commands), services_(services), log_(std::move(log)), timeout_(timeout) {}

  promise<json_text> send(const call& c) const;
  promise<json_text> broadcast(const call& c, std::shared_ptr<const gather_watch> watch = {}) const;
  /// The actor of a running instance, or nothing.
  caf::strong_actor_ptr find(const std::string& service) const;

 private:
  std::chrono::milliseconds timeout_of(const call& c) const;
  void tell(const call& c) const;

  calls& commands_;
  const service_table& services_;
  const logger log_;
  const std::chrono::milliseconds timeout_;  // of calls that say none
};

}  // namespace sm
