#include "security/attempt_limit.hpp"

#include <gtest/gtest.h>

namespace sm {

using namespace std::chrono_literals;

TEST(attempt_limit, some_at_once_and_then_some_a_second) {
  attempt_limit limit;
  attempt_limit::clock::time_point now{1h};
  auto allowed = [&](int tried) {
    int n = 0;
    for (int i = 0; i < tried; ++i) n += limit.allow(now) ? 1 : 0;
    return n;
  };
  EXPECT_EQ(allowed(100), 20);
  now += 1s;
  EXPECT_EQ(allowed(100), 5);
  now += 100ms;
  EXPECT_EQ(allowed(100), 0);
  now += 100ms;
  EXPECT_EQ(allowed(100), 1);
  now += 1h;
  EXPECT_EQ(allowed(100), 20) << "no more are saved up";
}

}  // namespace sm
