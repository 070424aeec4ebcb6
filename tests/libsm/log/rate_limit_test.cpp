#include "log/rate_limit.hpp"

#include <gtest/gtest.h>

namespace sm {

using namespace std::chrono_literals;

TEST(rate_limit, it_speaks_once_a_second_and_counts_what_it_kept_silent) {
  rate_limit limit;
  rate_limit::clock::time_point now{100s};
  EXPECT_EQ(limit.allow(now), 0U);
  EXPECT_FALSE(limit.allow(now + 1ms));
  EXPECT_FALSE(limit.allow(now + 999ms));
  EXPECT_EQ(limit.allow(now + 1s), 2U);
  EXPECT_EQ(limit.allow(now + 3s), 0U);
}

}  // namespace sm
