#include "log/log_reader.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "log/log_file.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

using lines = std::vector<std::string>;

class log_reader : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(file, std::ios::app) << text; }
  static bool all(const std::string&) { return true; }
  test::temporary_folder folder;
  const std::filesystem::path file = folder.path() / "x.log";
};

}  // namespace

TEST_F(log_reader, the_last_lines_come_in_order_over_older_parts) {
  for (auto* line : {"1\n", "2\n"}) write(line);
  rotate_files(file, 3);
  for (auto* line : {"3\n", "4\n"}) write(line);
  rotate_files(file, 3);
  write("5\n6");
  EXPECT_EQ(read_last_lines(file, 3, all).lines, (lines{"3", "4", "5"}));
  EXPECT_EQ(read_last_lines(file, 100, all).lines, (lines{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(read_last_lines(file, 1, [](auto& l) { return l != "5"; }).lines, lines{"4"});
  EXPECT_TRUE(read_last_lines(folder.path() / "none", 10, all).lines.empty());
}

TEST_F(log_reader, long_files_are_read_in_blocks) {
  lines expected;
  for (int i = 0; i < 30'000; ++i) expected.push_back("line number " + std::to_string(i));
  std::string text;
  for (auto& l : expected) text += l + "\n";
  write(text);
  EXPECT_EQ(read_last_lines(file, 30'000, all).lines, expected);
  auto all_of_it = read_more_lines(file, {}, 10 << 20);
  EXPECT_EQ(all_of_it.lines, expected);
}

TEST_F(log_reader, following_goes_on_where_it_was_over_rotations) {
  write("1\n2");
  auto seen = read_last_lines(file, 10, all);
  EXPECT_EQ(seen.lines, lines{"1"});
  write("2\n3\n");
  auto more = read_more_lines(file, seen.position, 1 << 20);
  EXPECT_EQ(more.lines, (lines{"22", "3"}));
  EXPECT_TRUE(read_more_lines(file, more.position, 1 << 20).lines.empty());
  write("4\n");
  rotate_files(file, 3);
  write("5\n");
  rotate_files(file, 3);
  write("6\n");
  more = read_more_lines(file, more.position, 1 << 20);
  EXPECT_EQ(more.lines, (lines{"4", "5", "6"}));
}

TEST_F(log_reader, who_comes_after_his_part_is_gone_begins_at_the_oldest) {
  write("1\n");
  auto seen = read_last_lines(file, 10, all);
  std::ifstream held(file);  // so that no other file gets its inode
  for (auto* line : {"2\n", "3\n", "4\n"}) {
    rotate_files(file, 2);
    write(line);
  }
  EXPECT_EQ(read_more_lines(file, seen.position, 1 << 20).lines, (lines{"2", "3", "4"}));
  EXPECT_EQ(read_more_lines(file, {}, 1 << 20).lines, (lines{"2", "3", "4"}))
      << "and so does who came before the first line";
}

TEST_F(log_reader, no_line_of_a_large_older_part_is_skipped) {
  std::size_t count = 20'000;
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "line number " + std::to_string(i) + "\n";
  write("first\n");
  auto seen = read_last_lines(file, 10, all);
  write(text);
  rotate_files(file, 3);
  write("last\n");
  lines found;
  for (auto more = read_more_lines(file, seen.position, 70'000); !more.lines.empty();
       more = read_more_lines(file, more.position, 70'000))
    found.insert(found.end(), more.lines.begin(), more.lines.end());
  ASSERT_EQ(found.size(), count + 1);
  EXPECT_EQ(found[count - 1], "line number " + std::to_string(count - 1));
  EXPECT_EQ(found.back(), "last");
}

TEST_F(log_reader, a_line_longer_than_the_budget_comes_all_the_same) {
  write("begin\n");
  auto seen = read_last_lines(file, 10, all);
  write(std::string(9000, 'x') + "\n");
  EXPECT_EQ(read_more_lines(file, seen.position, 100).lines, lines{std::string(9000, 'x')});
}

TEST_F(log_reader, a_removed_log_is_followed_from_its_new_begin) {
  write("one\n");
  auto seen = read_last_lines(file, 10, all);
  std::filesystem::remove(file);
  EXPECT_TRUE(read_more_lines(file, seen.position, 1 << 20).lines.empty());
  write("2\n");
  EXPECT_EQ(read_more_lines(file, seen.position, 1 << 20).lines, lines{"2"});
}

TEST(log_line, it_is_readable_for_people) {
  EXPECT_EQ(
      readable_line(R"({"ts":"T","stream":"stdout","instance":"a:0","pid":1,"msg":"x \"y\""})"),
      R"(T a:0 stdout x "y")");
  EXPECT_EQ(readable_line("plain"), "plain");
  for (auto* foreign : {R"({"ts":1764340000.25,"level":"info","msg":"as Go's zap writes"})",
                        R"({"ts":"T","level":7,"msg":"x"})", R"({"ts":"T","msg":["x"]})",
                        R"({"ts":1e400,"level":"info"})", R"({"ts":18446744073709551616})"})
    EXPECT_EQ(readable_line(foreign), foreign);
  EXPECT_EQ(field_of(R"({"ts":"T","stream":"stdout"})", "stream"), "stdout");
}

}  // namespace sm
