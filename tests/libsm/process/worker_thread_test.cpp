#include "process/worker_thread.hpp"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace sm {

TEST(worker_thread, tasks_run_in_the_order_they_came_and_stop_carries_them_all_out) {
  std::vector<int> seen;
  worker_thread w;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(w.post([&, i] { seen.push_back(i); }));
  w.stop();
  ASSERT_EQ(seen.size(), 100U);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], i);
  EXPECT_FALSE(w.post([] {}));
}

TEST(worker_thread, a_full_one_refuses) {
  std::promise<void> go, running;  // outlive the thread that uses them
  worker_thread w(2);
  ASSERT_TRUE(w.post([&] {
    running.set_value();
    go.get_future().wait();
  }));
  running.get_future().wait();
  EXPECT_TRUE(w.post([] {}));
  EXPECT_TRUE(w.post([] {}));
  EXPECT_FALSE(w.post([] {}));
  go.set_value();
}

}  // namespace sm
