#include "security/sign_in_codes.hpp"

#include <gtest/gtest.h>

namespace sm {

TEST(sign_in_codes, a_code_is_good_once) {
  sign_in_codes codes;
  codes.add("a", {api_role::operate, "ci"}, 100);
  EXPECT_FALSE(codes.take("b", 100));
  EXPECT_EQ(codes.take("a", 100), (sign_in_codes::grant{api_role::operate, "ci"}));
  EXPECT_FALSE(codes.take("a", 100));
}

TEST(sign_in_codes, a_code_is_good_for_its_time) {
  sign_in_codes codes;
  codes.add("a", {api_role::admin}, 100);
  codes.add("b", {api_role::admin}, 101);
  EXPECT_FALSE(codes.take("a", 100 + sign_in_codes::good_for));
  EXPECT_TRUE(codes.take("b", 100 + sign_in_codes::good_for));
}

TEST(sign_in_codes, of_too_many_the_oldest_goes) {
  sign_in_codes codes;
  for (std::size_t i = 0; i <= sign_in_codes::most; ++i)
    codes.add(std::to_string(i), {api_role::viewer, "token" + std::to_string(i)}, 0);
  EXPECT_FALSE(codes.take("0", 0));
  EXPECT_TRUE(codes.take("1", 0));
}

TEST(sign_in_codes, who_makes_many_pushes_out_none_of_others) {
  sign_in_codes codes;
  codes.add("mine", {api_role::admin}, 0);
  for (std::size_t i = 0; i < 2 * sign_in_codes::most; ++i)
    codes.add(std::to_string(i), {api_role::viewer, "watcher"}, 0);
  EXPECT_TRUE(codes.take("mine", 0));
  EXPECT_FALSE(codes.take("0", 0));
}

}  // namespace sm
