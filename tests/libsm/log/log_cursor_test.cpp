#include "log/log_cursor.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

TEST(log_cursor, comes_again_as_it_was) {
  std::vector<std::filesystem::path> files{"/l/web:0.log", "/l/web:1.log", "/l/new.out"};
  std::vector<log_position> positions{{18446744073709551615U, 7}, {12, 9223372036854775807}, {}};
  auto text = cursor_text(files, positions);
  EXPECT_EQ(text, "web:0.log=18446744073709551615:7,web:1.log=12:9223372036854775807,new.out=0:0");
  auto read = parse_log_cursor(text);
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ(read->at("web:1.log").inode, 12U);
  EXPECT_EQ(read->at("web:1.log").offset, 9223372036854775807U);
  EXPECT_EQ(read->at("new.out").inode, 0U);
}

TEST(log_cursor, of_many_files_is_none) {
  std::vector<std::filesystem::path> files(300, "/l/a-service-of-some-length:17.log");
  std::vector<log_position> positions(300, {1, 1});
  EXPECT_EQ(cursor_text(files, positions), "");
}

TEST(log_cursor, what_is_none_is_refused) {
  EXPECT_TRUE(parse_log_cursor("")->empty());
  for (auto* text :
       {"5", "a", "a=1", "a=1:", "a=:1", "a=-1:1", "a=1:1:", "a=1:99999999999999999999",
        "a=1:9223372036854775808", "a:1=1", "a=1:1,,", "a=1:1,b"})
    EXPECT_FALSE(parse_log_cursor(text)) << text;
}

}  // namespace
}  // namespace sm
