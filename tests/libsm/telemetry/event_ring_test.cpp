#include "telemetry/event_ring.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {
std::vector<std::uint64_t> indexes(const event_ring::slice& s) {
  std::vector<std::uint64_t> list;
  for (auto e = s.begin; e != s.end; ++e) list.push_back(e->index);
  return list;
}
using numbers = std::vector<std::uint64_t>;
}  // namespace

TEST(event_ring, a_reader_gets_what_came_after_its_index) {
  event_ring ring(3);
  EXPECT_TRUE(indexes(ring.after(0)).empty());
  ring.append("a", "1");
  ring.append("b", "2");
  EXPECT_EQ(indexes(ring.after(0)), (numbers{1, 2}));
  EXPECT_EQ(indexes(ring.after(1)), (numbers{2}));
  EXPECT_TRUE(indexes(ring.after(2)).empty());
}

TEST(event_ring, a_reader_that_was_away_too_long_is_told_how_much_it_missed) {
  event_ring ring(3);
  for (int i = 0; i < 10; ++i) ring.append("a", "");
  auto slice = ring.after(4);
  EXPECT_EQ(slice.missed, 3U);
  EXPECT_EQ(indexes(slice), (numbers{8, 9, 10}));
  EXPECT_EQ(ring.after(7).missed, 0U);
}

TEST(event_ring, an_index_of_another_run_begins_with_what_is_held) {
  event_ring ring(3);
  ring.append("a", "");
  EXPECT_EQ(indexes(ring.after(99)), numbers{1});
  EXPECT_EQ(ring.after(99).missed, 0U);
}

}  // namespace sm
