#include "service/scaling.hpp"

#include <gtest/gtest.h>

namespace sm {
using namespace std::string_literals;

TEST(scaling, a_number_is_taken_and_a_sign_makes_it_relative) {
  EXPECT_EQ(scaled(4, 2), 4U);
  EXPECT_EQ(scaled("4", 2), 4U);
  EXPECT_EQ(scaled("+1", 2), 3U);
  EXPECT_EQ(scaled("-1", 2), 1U);
  EXPECT_EQ(scaled("-5", 2), 0U);
  EXPECT_EQ(scaled("+998", 2), 1000U);
  EXPECT_EQ(scaled(0, 2), 0U);
}

TEST(scaling, what_is_no_number_or_too_much_is_refused_at_its_place) {
  for (auto& wanted : {json("+9223372036854775807"),
                       json("-9223372036854775809"),
                       json(" +1"),
                       json("+1\0z"s),
                       json("+1 "),
                       json("+ 1"),
                       json("++1"),
                       json("+-1"),
                       json("+"),
                       json(""),
                       json("1.5"),
                       json("many"),
                       json("+999"),
                       json("1001"),
                       json(1001),
                       json(-1),
                       json(1.5),
                       json(nullptr),
                       json(true),
                       json::array(),
                       json::object(),
                       json(18446744073709551615U)}) {
    auto number = scaled(wanted, 2);
    ASSERT_FALSE(number) << wanted;
    EXPECT_EQ(number.error().code, errc::bad_arguments);
    EXPECT_EQ(number.error().where, "/instances");
  }
}

}  // namespace sm
