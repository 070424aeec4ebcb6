#include "service/selector.hpp"

#include <gtest/gtest.h>

namespace sm {

TEST(selector, globs_match_as_a_shell_does) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("web-*", "web-1"));
  EXPECT_TRUE(glob_match("*-?", "web-1"));
  EXPECT_TRUE(glob_match("a*b*c", "aXbYbZc"));
  EXPECT_FALSE(glob_match("web", "web-1"));
  EXPECT_FALSE(glob_match("?", ""));
  EXPECT_FALSE(glob_match("a*b", "ac"));
  EXPECT_TRUE(glob_match("*", "*literal"));
}

TEST(selector, a_hostile_pattern_ends_quickly) {
  std::string pattern, text(2000, 'a');
  for (int i = 0; i < 500; ++i) pattern += "a*";
  EXPECT_FALSE(glob_match(pattern + "b", text));
}

TEST(selector, groups_tags_and_lists_select) {
  service_spec s{.name = "web", .group = "front", .tags = {"http", "v2"}};
  for (auto* yes : {"*", "web", "w*", "group:front", "tag:v2", "x,web", "x,tag:http"})
    EXPECT_TRUE(selects(yes, s)) << yes;
  for (auto* no : {"", "x", "group:back", "group:", "tag:v", "x,y"})
    EXPECT_FALSE(selects(no, s)) << no;
}

TEST(selector, a_star_leaves_out_what_sm_added_itself) {
  service_spec s{.name = "consumer.default", .group = std::string(builtin_group)};
  EXPECT_FALSE(selects("*", s));
  EXPECT_TRUE(selects("consumer.*", s));
  EXPECT_TRUE(selects("group:sm", s));
}

}  // namespace sm
