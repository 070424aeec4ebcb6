#include "service/selector.hpp"

#include <gtest/gtest.h>

namespace sm {

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
