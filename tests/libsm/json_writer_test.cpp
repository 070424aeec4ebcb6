#include "json_writer.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sm {
namespace {

struct json_writer_fixture : testing::Test {
  std::string text;
  json_writer out{text};
};

TEST_F(json_writer_fixture, separates_what_comes_after_another) {
  out.begin_object();
  out.member("a", 1);
  out.name("list");
  out.begin_array();
  out.value(true);
  out.begin_object();
  out.end_object();
  out.begin_array();
  out.end_array();
  out.value("z");
  out.end_array();
  out.member("b", nullptr);
  out.end_object();
  EXPECT_EQ(text, R"({"a":1,"list":[true,{},[],"z"],"b":null})");
}

TEST_F(json_writer_fixture, continues_a_text_that_has_something) {
  text = R"({"before":)";
  out.begin_array();
  out.end_array();
  EXPECT_EQ(text, R"({"before":[])");
}

TEST_F(json_writer_fixture, writes_each_value_as_a_document_of_it_is_printed) {
  auto largest = std::numeric_limits<std::uint64_t>::max();
  auto smallest = std::numeric_limits<std::int64_t>::min();
  const std::string hostile = "a\"\\\n\x01\x7f\xff é";
  const std::vector<std::string> names{"x", hostile};
  const json document{{"k", {1, 2.5}}};
  out.begin_array();
  out.value(largest);
  out.value(smallest);
  out.value(static_cast<unsigned char>(7));
  out.value(0.0);
  out.value(-12.0);
  out.value(0.01);
  out.value(1e300);
  out.value(std::numeric_limits<double>::infinity());
  out.value(hostile);
  out.value(names);
  out.value(document);
  out.end_array();
  json expected{largest, smallest, 7, 0.0, -12.0, 0.01, 1e300, nullptr, hostile, names, document};
  auto read = parse_json(text);
  ASSERT_TRUE(read) << text;
  EXPECT_EQ(print_json(*read), print_json(expected));
}

TEST_F(json_writer_fixture, a_whole_double_is_no_integer) {
  out.value(3.0);
  EXPECT_EQ(text, "3.0");
}

}  // namespace
}  // namespace sm
