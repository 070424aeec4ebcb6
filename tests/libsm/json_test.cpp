#include <gtest/gtest.h>

#include <sm/json.hpp>

namespace sm {
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

TEST(json, strings_are_escaped_and_broken_utf8_is_replaced) {
  std::string out;
  append_json_string(out, "plain");
  append_json_string(out, "a\"b\\\n\x01");
  append_json_string(out, "\xff");
  EXPECT_EQ(out, "\"plain\"\"a\\\"b\\\\\\n\\u0001\"\"\xEF\xBF\xBD\"");
}

}  // namespace sm
