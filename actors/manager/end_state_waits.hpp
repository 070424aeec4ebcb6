// Those who wait until what they asked for is there, each until a deadline. Runs in the loop alone.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <sm/promise.hpp>
#include <string>

#include "link/loop.hpp"
#include "service/change.hpp"

namespace sm {

class end_state_waits {
 public:
  explicit end_state_waits(loop& l) : loop_(l) {}

  /// `done` fails with `timeout` unless `check` finds the goal reached before.
  void add(const std::string& service, goal g, std::chrono::milliseconds timeout,
           promise<json> done);

  /// Answers, later in the loop, those who wait for what the service has reached: with what `shown`
  /// says of it, or with `failure` when that is not empty.
  void check(const std::string& service, const std::optional<service_progress>& there,
             const std::function<json()>& shown, const std::string& failure);

  bool empty() const noexcept { return waiting_.empty(); }

 private:
  struct waiting {
    std::uint64_t number = 0;
    std::string service;
    goal end = goal::none;
    promise<json> done;
    std::unique_ptr<asio::steady_timer> timer;
  };
  void on_late(std::uint64_t number, std::chrono::milliseconds timeout);

  loop& loop_;
  std::uint64_t next_number_ = 1;
  std::list<waiting> waiting_;
};

}  // namespace sm
