#include "system/lost_time.hpp"

#include <gtest/gtest.h>

namespace sm {

using namespace std::chrono_literals;

TEST(lost_time, what_load_explains_is_none) {
  constexpr std::chrono::steady_clock::time_point due{100s};
  EXPECT_EQ(lost_time(due, due - 5s), 0ms);
  EXPECT_EQ(lost_time(due, due), 0ms);
  EXPECT_EQ(lost_time(due, due + 1s), 0ms);
  EXPECT_EQ(lost_time(due, due + 1001ms), 1001ms);
  EXPECT_EQ(lost_time(due, due + 1h), 1h);
}

}  // namespace sm
