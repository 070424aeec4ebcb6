// Turns a loop until what a test waits for is there.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "link/loop.hpp"

namespace sm::test {

/// False when it does not come within five seconds.
inline bool turn_until(loop& l, const std::function<bool()>& there) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  bool came = false;
  asio::steady_timer again(l.context());
  std::function<void()> look = [&] {
    came = there();
    if (came || std::chrono::steady_clock::now() > deadline) return l.stop();
    again.expires_after(std::chrono::milliseconds(1));
    again.async_wait([&](error_code ec) {
      if (!ec) look();
    });
  };
  look();
  if (!came) l.run();
  l.context().restart();
  return came;
}

/// Turns a loop until a promise is fulfilled.
template <class Promise>
auto outcome_of(loop& l, const Promise& p) {
  std::optional<result<typename Promise::value_type>> outcome;
  p.then([&](result<typename Promise::value_type> r) { outcome = std::move(r); });
  EXPECT_TRUE(turn_until(l, [&] { return outcome.has_value(); })) << "no answer";
  return outcome ? std::move(*outcome)
                 : result<typename Promise::value_type>(fail(errc::internal, "no answer"));
}

}  // namespace sm::test
