#include "config/secrets.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_folder.hpp"

namespace sm {

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
