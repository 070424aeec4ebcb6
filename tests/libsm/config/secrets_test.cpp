#include "config/secrets.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_folder.hpp"

namespace sm {

TEST(secrets, values_of_the_environment_are_not_shown) {
  json document{{"name", "a"}, {"env", {{"KEY", "hunter2"}, {"EMPTY", ""}}}};
  mask_env(document);
  EXPECT_EQ(document["env"], (json{{"KEY", masked_value}, {"EMPTY", masked_value}}));
  json without{{"name", "a"}};
  mask_env(without);
  EXPECT_EQ(without, (json{{"name", "a"}}));
}

TEST(secrets, what_was_shown_and_is_sent_back_means_the_value_that_is_there) {
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

TEST(secrets, arguments_show_no_password) {
  EXPECT_EQ(without_passwords({"app", "--set", "queue.url=redis://:hunter2@host/1",
                               "--set=queue.url=redis://user:pw@host", "--listen", "a:1"}),
            (std::vector<std::string>{"app", "--set", "queue.url=redis://host/1",
                                      "--set=queue.url=redis://host", "--listen", "a:1"}));
}

TEST(secrets, the_url_of_the_queue_comes_from_a_file) {
  test::temporary_folder folder;
  config c;
  EXPECT_TRUE(read_secret_files(c));
  c.queue.url_file = folder.path() / "url";
  EXPECT_EQ(read_secret_files(c).error().where, "queue.url_file");
  std::ofstream(c.queue.url_file) << "redis://:pw@host\n";
  ASSERT_TRUE(read_secret_files(c));
  EXPECT_EQ(c.queue.url, "redis://:pw@host");
  EXPECT_FALSE(read_secret_files(c)) << "both are set";
}

}  // namespace sm
