#include "queue/job_history.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

job_tally tally(std::uint64_t done, std::uint64_t dead, double each_s) {
  job_tally t;
  t.ended[0] = done;
  t.ended[2] = dead;
  for (std::uint64_t i = 0; i < done + dead; ++i) t.took.add(each_s);
  return t;
}

}  // namespace

TEST(job_history, tells_of_each_step_what_was_added_in_it) {
  job_history h;
  h.add(tally(100, 1, 1), {}, 1000);  // what was before nobody saw
  h.add(tally(110, 3, 1), {.ready = 7, .latency_s = 1.5}, 21'000);
  h.add(tally(110, 3, 1), {}, 41'000);
  auto shown = h.document();
  EXPECT_EQ(shown["step_s"], 20);
  EXPECT_EQ(shown["until_ms"], 41'000);
  EXPECT_EQ(shown["done"], json::array({10, 0}));
  EXPECT_EQ(shown["failed"], json::array({2, 0}));
  EXPECT_EQ(shown["took_s"], json::array({1, 0}));
  EXPECT_EQ(shown["ready"], json::array({7, 0}));
  EXPECT_EQ(shown["latency_s"], json::array({1.5, 0}));
}

TEST(job_history, counts_that_became_smaller_are_none) {
  job_history h;
  h.add(tally(100, 0, 1), {}, 0);
  h.add(tally(5, 0, 1), {}, 1);
  EXPECT_EQ(h.document()["done"], json::array({0}));
}

TEST(job_history, keeps_the_last_steps) {
  job_history h;
  for (std::uint64_t i = 0; i < job_history::steps + 10; ++i)
    h.add(tally(i * (i + 1) / 2, 0, 0), {}, 0);
  auto done = h.document()["done"];
  ASSERT_EQ(done.size(), job_history::steps);
  EXPECT_EQ(done.back(), job_history::steps + 9);
  EXPECT_EQ(done.front(), 10);
}

}  // namespace sm
