#include <gtest/gtest.h>

#include <sm/promise.hpp>
#include <thread>

namespace sm {
using namespace std::chrono_literals;

TEST(promise, the_first_result_counts_and_reaches_the_continuation_once) {
  promise<int> p;
  int seen = 0;
  p.then([&](result<int> r) { seen += *r; });
  EXPECT_TRUE(p.set_value(1));
  EXPECT_FALSE(p.set_value(2));
  EXPECT_FALSE(p.set_error({}));
  EXPECT_EQ(seen, 1);
}

TEST(promise, a_continuation_that_comes_late_runs_at_once) {
  promise<int> p;
  p.set_value(7);
  int seen = 0;
  p.then([&](result<int> r) { seen = *r; });
  EXPECT_EQ(seen, 7);
}

TEST(promise, a_second_result_does_not_replace_one_that_was_consumed) {
  promise<int> p;
  p.set_value(7);
  p.then([](result<int>) {});
  EXPECT_FALSE(p.set_value(8));
}

TEST(promise, transform_passes_errors_and_turns_exceptions_into_errors) {
  promise<int> p, q, r;
  auto a = p.transform([](int v) { return std::to_string(v); });
  auto b = q.transform([](int) -> std::string { throw failure(errc::conflict, "no"); });
  auto c = r.transform([](int v) { return v; });
  p.set_value(1);
  q.set_value(1);
  r.set_error({errc::timeout, "late", {}});
  EXPECT_EQ(*a.wait_for(1s), "1");
  EXPECT_EQ(b.wait_for(1s).error().code, errc::conflict);
  EXPECT_EQ(c.wait_for(1s).error().code, errc::timeout);
}

TEST(promise, what_a_continuation_throws_stays_with_it) {
  promise<int> early, late, p;
  early.set_value(1);
  early.then([](result<int>) { throw 1; });
  late.then([](result<int>) { throw std::runtime_error("late"); });
  EXPECT_TRUE(late.set_value(1));
  auto made = p.transform([](int) -> int { throw 1; });
  EXPECT_TRUE(p.set_value(1));
  EXPECT_EQ(made.wait_for(1s).error().code, errc::internal);
}

TEST(promise, waiting_ends_with_the_result_of_another_thread_or_the_timeout) {
  promise<int> p, never;
  std::thread other([&] { p.set_value(3); });
  EXPECT_EQ(*p.wait_for(5s), 3);
  other.join();
  EXPECT_EQ(never.wait_for(1ms).error().code, errc::timeout);
}

}  // namespace sm
