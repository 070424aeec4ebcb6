#include "text/units.hpp"

#include <gtest/gtest.h>

namespace sm {
using namespace std::chrono_literals;

TEST(units, durations_read_with_every_unit) {
  EXPECT_EQ(parse_duration("1500ms"), 1500ms);
  EXPECT_EQ(parse_duration("2s"), 2s);
  EXPECT_EQ(parse_duration("2"), 2s);
  EXPECT_EQ(parse_duration("5m"), 5min);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("1d"), 24h);
}

TEST(units, a_bad_duration_is_named_in_the_error) {
  for (auto* text :
       {"", "ms", "-1s", "1.5s", "5 s", "5x", "99999999999999999999s", "9999999999999d"}) {
    auto value = parse_duration(text);
    ASSERT_FALSE(value) << text;
    EXPECT_NE(value.error().detail.find("'" + std::string(text) + "'"), std::string::npos);
  }
}

TEST(units, durations_print_in_the_shortest_exact_form_and_read_back) {
  for (auto [value, text] : {std::pair{1500ms, "1500ms"},
                             {2000ms, "2s"},
                             {300000ms, "5m"},
                             {3600000ms, "1h"},
                             {0ms, "0ms"}}) {
    EXPECT_EQ(format_duration(value), text);
    EXPECT_EQ(parse_duration(text), value);
  }
}

TEST(units, sizes_read_in_powers_of_two_and_refuse_overflow) {
  EXPECT_EQ(parse_size("100"), 100U);
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("16M"), 16U << 20);
  EXPECT_EQ(parse_size("1GiB"), 1U << 30);
  for (auto* text : {"", "KiB", "1TB", "-5", "99999999999GiB"})
    EXPECT_FALSE(parse_size(text)) << text;
}

}  // namespace sm
