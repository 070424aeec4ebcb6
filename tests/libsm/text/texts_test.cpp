#include "text/texts.hpp"

#include <gtest/gtest.h>

#include <sm/service_spec.hpp>

namespace sm {
using namespace std::string_literals;

TEST(texts, a_nul_what_is_no_utf8_and_what_is_too_long_are_refused) {
  EXPECT_TRUE(check_text(""));
  EXPECT_TRUE(check_text("Grüße\n"));
  for (auto& text : {"nobody\0x"s, "\0"s, "\xff"s, "\xc3"s, std::string(11, 'a')}) {
    auto ok = check_text(text, 10);
    ASSERT_FALSE(ok);
    EXPECT_EQ(ok.error().code, errc::bad_arguments);
  }
  EXPECT_TRUE(check_text(std::string(text_max, 'a')));
  EXPECT_FALSE(check_text(std::string(text_max + 1, 'a')));
}

TEST(texts, an_error_shows_a_text_on_one_line_and_not_all_of_a_long_one) {
  EXPECT_EQ(in_quotes("web"), "'web'");
  EXPECT_EQ(in_quotes("a\0b\n\x7f"s), "'a\\x00b\\x0a\\x7f'");
  EXPECT_EQ(in_quotes("Grüße"), "'Grüße'");
  EXPECT_EQ(in_quotes("\xff"), "'\\xff'");
  EXPECT_EQ(in_quotes(std::string(81, 'x')), "'" + std::string(80, 'x') + "...'");
  EXPECT_EQ(in_quotes(std::string(79, 'x') + "ü"), "'" + std::string(79, 'x') + "...'");
}

TEST(texts, a_key_stands_in_a_pointer_as_rfc_6901_has_it) {
  EXPECT_EQ(pointer_to("a"), "/a");
  EXPECT_EQ(pointer_to("a/b~c"), "/a~1b~0c");
}

TEST(texts, a_name_is_1_to_64_letters_digits_and_three_signs) {
  for (auto& name : {"a"s, "web-1"s, "A_b.c"s, "0"s, std::string(64, 'a')})
    EXPECT_TRUE(check_name(name)) << name;
  for (auto& name : {""s, "-a"s, ".a"s, "a b"s, "a/b"s, "a:1"s, "a\0"s, "ä"s, std::string(65, 'a')})
    EXPECT_FALSE(check_name(name)) << name;
}

TEST(texts, the_distance_counts_letters_and_swapped_neighbours) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("wait", "wiat"), 1U);
  EXPECT_EQ(edit_distance("wait", "wai"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);
}

TEST(texts, the_nearest_name_is_offered_when_it_is_near_and_all_of_them_otherwise) {
  constexpr std::string_view known[] = {"wait", "limit", "offset", "since"};
  EXPECT_EQ(nearest("wiat", known), "wait");
  EXPECT_EQ(nearest("Offset", known), "offset");
  EXPECT_EQ(nearest("zzz", known), "");
  EXPECT_EQ(nearest("", known), "");
  EXPECT_EQ(nearest(std::string(100'000, 'w'), known), "");
  EXPECT_EQ(instead_of("limt", known), "; did you mean 'limit'?");
  EXPECT_EQ(instead_of("zzz", known), "; there is wait, limit, offset, since");
  EXPECT_EQ(instead_of("zzz", {}), "; there is none");
}

}  // namespace sm
