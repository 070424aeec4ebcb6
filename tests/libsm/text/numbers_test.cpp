#include "text/numbers.hpp"

#include <gtest/gtest.h>

namespace sm {
using namespace std::string_view_literals;

TEST(numbers, a_text_is_read_when_all_of_it_is_digits_within_the_bounds) {
  EXPECT_EQ(parse_integer<unsigned>("0"), 0U);
  EXPECT_EQ(parse_integer<unsigned>("4294967295"), 4294967295U);
  EXPECT_EQ(parse_integer<int>("-20", -20, 19), -20);
  EXPECT_EQ(parse_integer<std::uint64_t>("18446744073709551615"), ~std::uint64_t{0});
  EXPECT_EQ(parse_integer<unsigned>("022", 0, 0777, 8), 18U);
}

TEST(numbers, anything_else_is_refused_with_the_bounds_and_the_text) {
  for (auto text : {""sv, " 1"sv, "1 "sv, "+1"sv, "-1"sv, "1\0"sv, "1\0z"sv, "\0"sv, "1.0"sv,
                    "1e3"sv, "0x10"sv, "abc"sv, "1001"sv, "9223372036854775807"sv,
                    "18446744073709551616"sv, "99999999999999999999999999"sv, "\xd9\xa1"sv}) {
    auto value = parse_integer<unsigned>(text, 0, 1000);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().code, errc::bad_arguments);
    EXPECT_NE(value.error().detail.find("from 0 to 1000"), std::string::npos)
        << value.error().detail;
    EXPECT_EQ(value.error().detail.find('\0'), std::string::npos);
  }
  EXPECT_FALSE(parse_integer<std::uint8_t>("256"));
  EXPECT_FALSE(parse_integer<int>("+1"));
  EXPECT_FALSE(parse_integer<int>("-21", -20, 19));
  EXPECT_FALSE(parse_integer<unsigned>("8", 0, 0777, 8));
}

TEST(numbers, a_document_holds_a_number_when_it_fits_as_it_is) {
  EXPECT_EQ(read_integer<unsigned>(json(5)), 5U);
  EXPECT_EQ(read_integer<int>(json(-20), -20, 19), -20);
  EXPECT_EQ(read_integer<std::int64_t>(json::parse("9223372036854775807")),
            std::numeric_limits<std::int64_t>::max());
  for (auto text : {"4294967301", "-1", "1.0", "1e3", "\"1\"", "true", "null", "[1]", "{}",
                    "18446744073709551616", "9223372036854775808", "-9223372036854775809"}) {
    auto value = read_integer<int>(json::parse(text), 0, 19);
    ASSERT_FALSE(value) << text;
    EXPECT_NE(value.error().detail.find("from 0 to 19"), std::string::npos);
  }
  EXPECT_FALSE(read_integer<std::uint64_t>(json(-1)));
  EXPECT_FALSE(read_integer<std::int64_t>(json::parse("18446744073709551615")));
}

}  // namespace sm
