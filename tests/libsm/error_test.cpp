#include <gtest/gtest.h>

#include <set>
#include <sm/error.hpp>

namespace sm {

TEST(error, every_code_has_its_own_name_and_reads_back_from_it) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(errc::too_many_attempts); ++i) {
    auto code = static_cast<errc>(i);
    EXPECT_TRUE(names.insert(to_string(code)).second) << to_string(code);
    EXPECT_EQ(errc_from_name(to_string(code)), code);
    EXPECT_GE(traits(code).http_status, 400U);
    EXPECT_NE(traits(code).exit_code, 0);
  }
  EXPECT_EQ(errc_from_name("no_such_code"), std::nullopt);
}

TEST(error, the_text_says_code_place_and_detail) {
  EXPECT_EQ(to_string(error{errc::bad_arguments, "must be a string", "/email"}),
            "bad_arguments at /email: must be a string");
}

}  // namespace sm
