#include "log/line_splitter.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sm {
namespace {

struct collector {
  line_splitter splitter{8};
  std::vector<std::string> lines;
  line_splitter::emit take = [this](std::string_view line) { lines.emplace_back(line); };
};
using lines = std::vector<std::string>;

}  // namespace

TEST(line_splitter, lines_come_out_whole_however_they_came) {
  collector c;
  for (char byte : std::string("ab\n\ncd\nrest")) c.splitter.add({&byte, 1}, c.take);
  EXPECT_EQ(c.lines, (lines{"ab", "", "cd"}));
  EXPECT_TRUE(c.splitter.unfinished());
  c.splitter.finish(c.take);
  EXPECT_EQ(c.lines.back(), "rest");
  EXPECT_FALSE(c.splitter.unfinished());
}

TEST(line_splitter, a_long_line_is_cut_between_characters) {
  collector c;
  c.splitter.add("abcdefg\xc3\xa4hij\nx", c.take);  // the 8th byte begins a character of two
  c.splitter.finish(c.take);
  EXPECT_EQ(c.lines, (lines{"abcdefg", "\xc3\xa4hij", "x"}));
  collector slowly;
  for (char byte : std::string("abcdefg\xc3\xa4hij")) slowly.splitter.add({&byte, 1}, slowly.take);
  EXPECT_EQ(slowly.lines, (lines{"abcdefg"}));
}

TEST(line_splitter, what_is_no_utf8_is_cut_at_the_bound) {
  collector c;
  c.splitter.add(std::string(20, '\x80'), c.take);
  EXPECT_EQ(c.lines, (lines{std::string(8, '\x80'), std::string(8, '\x80')}));
}

TEST(line_splitter, an_unfinished_line_is_given_out_but_for_a_character_that_is_under_way) {
  collector c;
  c.splitter.add("pw: \xe2\x82", c.take);
  c.splitter.flush(c.take);
  EXPECT_EQ(c.lines, (lines{"pw: "}));
  EXPECT_FALSE(c.splitter.unfinished());
  c.splitter.add("\xac\n", c.take);
  EXPECT_EQ(c.lines.back(), "\xe2\x82\xac");
}

TEST(utf8_cut, it_parts_no_character) {
  const std::string euro = "\xe2\x82\xac";
  EXPECT_EQ(utf8_cut("a" + euro, 1), 1U);
  EXPECT_EQ(utf8_cut("a" + euro, 2), 1U);
  EXPECT_EQ(utf8_cut("a" + euro, 3), 1U);
  EXPECT_EQ(utf8_cut("a" + euro + "b", 4), 4U);
  EXPECT_EQ(utf8_cut(euro, 2), 2U) << "no room for it at all";
  EXPECT_EQ(utf8_cut("ab", 9), 2U);
}

}  // namespace sm
