#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <sm/json.hpp>

#include "json_reader.hpp"

namespace sm {
using namespace std::string_literals;
namespace {
struct mail {
  std::string email;
  int count = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(mail, email, count)
}  // namespace

TEST(json, a_field_that_does_not_fit_is_named_by_its_path) {
  auto wrong = from_json_value<std::vector<mail>>(
      json::parse(R"([{"email":"a","count":1},{"email":7,"count":1}])"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, errc::bad_arguments);
  EXPECT_EQ(wrong.error().where, "/1/email");
  auto missing = from_json_value<mail>(json{{"email", "a"}});
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("count"), std::string::npos);
}

TEST(json, text_that_is_no_json_fails_with_the_byte) {
  auto document = parse_json("{\"a\": nope}");
  ASSERT_FALSE(document);
  EXPECT_EQ(document.error().code, errc::bad_request);
  EXPECT_NE(document.error().detail.find("byte 8"), std::string::npos) << document.error().detail;
  EXPECT_EQ(*parse_json(""), json(nullptr));
}

TEST(json, what_a_document_cannot_hold_is_refused_and_nothing_is_thrown_or_rounded) {
  for (auto* text :
       {"1e400", "-1e400", R"([{"v":1e400}])", "18446744073709551616", "-9223372036854775809",
        R"({"a":[123456789012345678901234567890]})", R"("\ud800")", R"("\udc00x")"}) {
    EXPECT_EQ(parse_json(text).error().code, errc::bad_request) << text;
    EXPECT_EQ(check_json(text).error(), parse_json(text).error()) << text;
  }
  EXPECT_EQ(parse_json("[1, 18446744073709551616]").error().detail,
            "the integer at byte 5 is beyond 64 bits");
  for (auto text :
       {"18446744073709551616-1.5"s, "18446744073709551616+1e5"s, "1" + std::string(400, '0')})
    EXPECT_EQ(parse_json("[\"9e9\", 1.0e+2, -7," + text + "]").error().detail,
              "the integer at byte 20 is beyond 64 bits")
        << text;
  for (auto* text : {"18446744073709551615", "-9223372036854775808", "12345678901234567890.5",
                     "1e20", R"("18446744073709551616")", R"({"18446744073709551616":0})"}) {
    EXPECT_EQ(print_json(parse_json(text).value()), print_json(json::parse(text))) << text;
    EXPECT_TRUE(check_json(text)) << text;
  }
}

TEST(json, a_document_does_not_end_at_a_nul) {
  using namespace std::string_view_literals;
  for (auto text : {"\0"sv, "{}\0"sv, "{}\0{}"sv, "[1\0]"sv, "1\0x"sv, "\"a\0\""sv}) {
    EXPECT_EQ(parse_json(text).error().code, errc::bad_request);
    EXPECT_FALSE(check_json(text));
  }
  EXPECT_EQ(parse_json("{}\0{}"sv).error().detail, "not valid JSON at byte 3");
}

TEST(json, levels_are_bounded_and_the_last_of_two_members_counts) {
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
  EXPECT_FALSE(check_json(std::string(300, '[') + std::string(300, ']')));
  EXPECT_TRUE(check_json(std::string(256, '[') + std::string(256, ']')));
  EXPECT_EQ(print_json(*parse_json(R"({"a":1,"a":2})")), R"({"a":2})");
}

TEST(json, a_document_is_the_one_that_the_library_makes) {
  for (auto* text : {"null", "true", "-1", "1.5e3", R"("é\u00e9\ud83d\ude00")", "[]", "{}",
                     "[[],{}]", R"([1,-2,3.0,"x",null,false,[4,[5]],{"a":[{"b":{}}]}])",
                     R"({"a":{"b":1,"c":[{"d":2},{"d":3}]},"e":"f"})",
                     R"({"a":{"b":1},"a":[2],"a":{"c":3,"c":{"d":4}},"":0})"}) {
    auto document = parse_json(text);
    ASSERT_TRUE(document) << text;
    EXPECT_EQ(*document, json::parse(text)) << text;
  }
  // The library's conversions tell where in the document they failed.
  auto nested = parse_json(R"({"list":[0,[0,{"n":"x"}]]})");
  try {
    nested->at("list").at(1).at(1).at("n").get<int>();
    ADD_FAILURE();
  } catch (const json::exception& e) {
    EXPECT_EQ(conversion_error(e).where, "/list/1/1/n");
  }
}

TEST(json, members_are_read_alone_and_the_rest_is_looked_at) {
  std::array<std::string_view, 3> names{"a", "b", "c"};
  std::array<json, 3> values;
  auto text = R"({"x":{"a":1,"b":[2]},"b":[{"a":3}],"a":4,"y":[[{"a":5}]],"a":{"a":[6],"z":null}})";
  ASSERT_EQ(read_members(text, names, values), true);
  EXPECT_EQ(values[0], json::parse(R"({"a":[6],"z":null})"));
  EXPECT_EQ(values[1], json::parse(R"([{"a":3}])"));
  EXPECT_TRUE(values[2].is_discarded());
  ASSERT_EQ(read_members(R"({"c":null})", names, values), true);
  EXPECT_TRUE(values[0].is_discarded()) << "of the text before";
  EXPECT_TRUE(values[2].is_null());
  for (auto* other : {"", "1", "\"a\"", R"([{"a":1}])", R"([["a",1]])"}) {
    EXPECT_EQ(read_members(other, names, values), false) << other;
    for (auto& value : values) EXPECT_TRUE(value.is_discarded()) << other;
  }
  for (auto* broken : {R"({"x":1e400})", R"({"x":[18446744073709551616]})", R"({"x":{"a":}})",
                       R"({"a":1}})", R"({"a":1)"})
    EXPECT_EQ(read_members(broken, names, values).error(), check_json(broken).error()) << broken;
}

TEST(json, strings_are_escaped_and_broken_utf8_is_replaced) {
  std::string out;
  append_json_string(out, "plain");
  append_json_string(out, "a\"b\\\n\x01");
  append_json_string(out, "\xff");
  EXPECT_EQ(out, "\"plain\"\"a\\\"b\\\\\\n\\u0001\"\"\xEF\xBF\xBD\"");
}

namespace {

struct inner_sizes {
  int small = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(inner_sizes, small)

struct sizes {
  int small = 0;
  unsigned natural = 0;
  std::int64_t large = 0;
  std::uint64_t hash = 0;
  double share = 0;
  std::vector<int> list;
  std::set<int> set;
  std::map<std::string, int> named;
  std::map<int, std::string> pairs;
  std::vector<inner_sizes> inner;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(sizes, small, natural, large, hash, share, list,
                                                set, named, pairs, inner)

}  // namespace

TEST(from_json_value, takes_every_number_that_its_field_can_hold) {
  for (auto* good :
       {R"({"small": -5, "natural": 4294967295, "share": 1})", R"({"small": 2.0})",
        R"({"large": -9223372036854775808})", R"({"hash": 18446744073709551615})",
        R"({"hash": 9223372036854775808})", R"({"share": 1e300})", R"({"set": [3, 1, 2]})",
        R"({"list": [3, 1, 2], "named": {"b": 2, "a": 1}})", R"({"set": [3, 3]})",
        R"({"pairs": [[2, "b"], [1, "a"]]})", R"({"inner": [{"small": 2}, {}]})"}) {
    auto value = from_json_value<sizes>(json::parse(good));
    EXPECT_TRUE(value) << good << ": " << to_string(value.error());
  }
}

TEST(from_json_value, refuses_numbers_that_a_field_would_change_and_names_it) {
  for (auto& [bad, where] :
       std::map<std::string, std::string>{{R"({"small": 1.9})", "/small"},
                                          {R"({"small": true})", "/small"},
                                          {R"({"small": 4294967298})", "/small"},
                                          {R"({"natural": -1})", "/natural"},
                                          {R"({"hash": -1})", "/hash"},
                                          {R"({"large": 9223372036854775808})", "/large"},
                                          {R"({"large": 18446744073709551615})", "/large"},
                                          {R"({"list": [1, 2.5]})", "/list/1"},
                                          {R"({"set": [1, 2.5]})", "/set/1"},
                                          {R"({"list": [1, 1.9]})", "/list/1"},
                                          {R"({"list": [1, true]})", "/list/1"},
                                          {R"({"list": [1, 4294967297]})", "/list/1"},
                                          {R"({"set": [1, 1.9]})", "/set/1"},
                                          {R"({"pairs": [[2, "b"], [1.9, "a"]]})", "/pairs/1/0"},
                                          {R"({"inner": [{"small": 1.9}, {}]})", "/inner/0/small"},
                                          {R"({"named": {"a/b": 1.5}})", "/named/a~1b"}}) {
    auto value = from_json_value<sizes>(json::parse(bad));
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().where, where) << bad;
  }
}

}  // namespace sm
