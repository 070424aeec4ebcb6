#include "process/worker_thread.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <future>
#include <iterator>
#include <thread>
#include <vector>

namespace sm {

TEST(worker_thread, costs_no_thread_before_its_first_task) {
  auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"),
                         std::filesystem::directory_iterator());
  };
  std::thread([] {}).join();  // with the first one ThreadSanitizer begins its own
  auto before = threads();
  worker_thread idle(8, 3);
  EXPECT_EQ(threads(), before);
  ASSERT_TRUE(idle.post([] {}));
  EXPECT_EQ(threads(), before + 3);
}

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

TEST(worker_thread, a_task_that_throws_costs_the_others_nothing) {
  int done = 0;
  worker_thread w;
  ASSERT_TRUE(w.post([] { throw 1; }));
  ASSERT_TRUE(w.post([] { throw std::runtime_error("no"); }));
  ASSERT_TRUE(w.post([&] { ++done; }));
  w.stop();
  EXPECT_EQ(done, 1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(worker_thread, refuses_while_no_thread_can_be_made) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  rlimit none{1 << 20, before.rlim_max};  // less than is in use: no stack for a thread
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &none), 0);
  worker_thread w;
  bool refused = !w.post([] {});
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_TRUE(refused);
  std::promise<void> ran;
  EXPECT_TRUE(w.post([&] { ran.set_value(); }));
  ran.get_future().wait();
}
#endif

}  // namespace sm
