#include "text/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sm {

TEST(glob, matches_as_a_shell_does) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("web-*", "web-1"));
  EXPECT_TRUE(glob_match("*-?", "web-1"));
  EXPECT_TRUE(glob_match("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(glob_match("web", "web-1"));
  EXPECT_FALSE(glob_match("?", ""));
  EXPECT_FALSE(glob_match("a*b", "ac"));
  EXPECT_TRUE(glob_match("*", "*literal"));
}

TEST(glob, a_hostile_pattern_ends_quickly) {
  std::string pattern, text(2000, 'a');
  for (int i = 0; i < 500; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", text));
}

}  // namespace sm
