#include "service/masked_env.hpp"

#include <gtest/gtest.h>

namespace sm {

TEST(masked_env, values_of_the_environment_are_not_shown) {
  json document{{"name", "a"}, {"env", {{"KEY", "hunter2"}, {"EMPTY", ""}}}};
  mask_env(document);
  EXPECT_EQ(document["env"], (json{{"KEY", masked_value}, {"EMPTY", masked_value}}));
  json without{{"name", "a"}};
  mask_env(without);
  EXPECT_EQ(without, (json{{"name", "a"}}));
}

TEST(masked_env, what_was_shown_and_is_sent_back_means_the_value_that_is_there) {
  service_spec present;
  present.env = {{"KEY", "hunter2"}};
  json change{{"env", {{"KEY", masked_value}, {"NEW", "value"}}}};
  ASSERT_TRUE(unmask_env(change, &present));
  EXPECT_EQ(change["env"], (json{{"KEY", "hunter2"}, {"NEW", "value"}}));
  json unknown{{"env", {{"OTHER", masked_value}}}};
  EXPECT_EQ(unmask_env(unknown, &present).error().where, "/env/OTHER");
  EXPECT_FALSE(unmask_env(unknown, nullptr));
  for (auto document : {json(7), json(nullptr), json{{"env", 7}}, json{{"env", {{"A", 7}}}}})
    EXPECT_TRUE(unmask_env(document, &present));
}

}  // namespace sm
