#include "process/env_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "temporary_folder.hpp"

namespace sm {
namespace {

/// "A=1|B=2", or the error.
std::string read(std::string_view text) {
  auto all = parse_env_file(text, "f");
  if (!all) return all.error().where + ": " + all.error().detail;
  std::string shown;
  for (auto& [name, value] : *all) shown += (shown.empty() ? "" : "|") + name + "=" + value;
  return shown;
}

}  // namespace

/// Each was read by systemd 252, too, and taken in the same way.
TEST(env_file, is_read_by_systemds_rules) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("A=1\nB=two words  \n"), "A=1|B=two words");
  EXPECT_EQ(read("  A = 1\r\n\t\nB=\n"), "A=1|B=");
  EXPECT_EQ(read("# no\n; no\nA=1 # yes\nB=a;b#c"), "A=1 # yes|B=a;b#c");
  EXPECT_EQ(read("A='a \\n \"b\"'\n"), "A=a \\n \"b\"");
  EXPECT_EQ(read("A=\"x \\\" \\$Y \\\\ \\n\"\n"), "A=x \" $Y \\ \\n");
  EXPECT_EQ(read("A=\"two\nlines\"\nB='and\nmore'"), "A=two\nlines|B=and\nmore");
  EXPECT_EQ(read("A=\"one \\\nline\"\nB=one\\\nword\n"), "A=one line|B=oneword");
  EXPECT_EQ(read("A=\"x\"'y'z\n"), "A=xyz");
  EXPECT_EQ(read("A=b\"c d\"\n"), "A=b\"c d\"") << "a quote within a value is none";
  EXPECT_EQ(read("A=a\\ \\\\b\n"), "A=a \\b");
  EXPECT_EQ(read("A=$HOME ${B} `c`\n"), "A=$HOME ${B} `c`") << "nothing is expanded";
  EXPECT_EQ(read("A=1\nA=2"), "A=2");
  EXPECT_EQ(read("A=a=b"), "A=a=b");
}

TEST(env_file, a_comment_that_ends_with_a_backslash_hides_no_line) {
  EXPECT_EQ(read("# C:\\\nA=1\n"), "A=1");
}

TEST(env_file, what_systemd_passes_over_is_an_error_with_its_line) {
  EXPECT_EQ(read("A=1\n\nexport B=2\n"),
            "f:3: what is before the '=' is no name of a variable: leave the 'export' out");
  EXPECT_EQ(read("\nA\nB=1"), "f:2: is not NAME=VALUE");
  EXPECT_EQ(read("1A=2"), "f:1: what is before the '=' is no name of a variable");
  EXPECT_EQ(read("=2"), "f:1: what is before the '=' is no name of a variable");
  EXPECT_EQ(read("A=\"x\ny\n\nB=1\n"), "f:1: a quote is not closed");
  EXPECT_EQ(read("A=1\nB=\xff\n"), "f:2: the value of B is no UTF-8");
  EXPECT_EQ(read(std::string_view("A=a\0b", 5)).substr(0, 5), "f:1: ");
}

TEST(env_file, later_files_win_and_one_with_a_dash_may_be_missing) {
  test::temporary_folder folder;
  auto path = [&](const char* name) { return (folder.path() / name).string(); };
  std::ofstream(path("one")) << "A=1\nB=1\n";
  std::ofstream(path("two")) << "B=2\n";
  auto all = read_env_files({path("one"), "-" + path("none"), "-" + path("two")});
  ASSERT_TRUE(all) << all.error().detail;
  EXPECT_EQ(*all, (std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}}));
  auto missing = read_env_files({path("none")});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().where, path("none"));
  EXPECT_EQ(missing.error().detail, "cannot be read: No such file or directory");
  EXPECT_EQ(read_env_files({"-" + folder.path().string()}).error().detail, "is a folder");
  ::mkfifo(path("pipe").c_str(), 0600);
  EXPECT_EQ(read_env_files({path("pipe")}).error().detail, "is no regular file");
  std::ofstream(path("large")) << std::string(env_file_max, ' ') << "A=1";
  EXPECT_EQ(read_env_files({path("large")}).error().detail, "has more than 1048576 bytes");
}

}  // namespace sm
