#include "http/router.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

router<int> make_routes() {
  router<int> r;
  EXPECT_TRUE(r.add("GET", "/", 1));
  EXPECT_TRUE(r.add("GET", "/a", 2));
  EXPECT_TRUE(r.add("POST", "/a", 3));
  EXPECT_TRUE(r.add("GET", "/a/:id", 4));
  EXPECT_TRUE(r.add("GET", "/a/fixed", 5));
  EXPECT_TRUE(r.add("DELETE", "/a/:id/b", 6));
  EXPECT_TRUE(r.add("GET", "/files/*path", 7));
  return r;
}

int value_of(const router<int>& r, std::string_view method, std::string_view path) {
  auto found = r.lookup(method, path);
  auto* match = std::get_if<router<int>::match>(&found);
  return match ? *match->value : 0;
}

}  // namespace

TEST(router, fixed_segments_win_over_captures_and_captures_over_the_rest) {
  auto r = make_routes();
  EXPECT_EQ(value_of(r, "GET", "/"), 1);
  EXPECT_EQ(value_of(r, "GET", "/a"), 2);
  EXPECT_EQ(value_of(r, "POST", "/a"), 3);
  EXPECT_EQ(value_of(r, "GET", "/a/7"), 4);
  EXPECT_EQ(value_of(r, "GET", "/a/fixed"), 5);
  EXPECT_EQ(value_of(r, "DELETE", "/a/fixed/b"), 6);  // back from the fixed branch to the capture
  EXPECT_EQ(value_of(r, "GET", "/files/x/y/z"), 7);
}

TEST(router, captures_are_named_and_decoded) {
  auto r = make_routes();
  auto found = r.lookup("GET", "/a/x%20y%2Fz");
  auto& match = std::get<router<int>::match>(found);
  ASSERT_EQ(match.captured.size(), 1U);
  EXPECT_EQ(match.captured[0].first, "id");
  EXPECT_EQ(match.captured[0].second, "x y/z");
  auto rest = r.lookup("GET", "/files/a/b");
  EXPECT_EQ(std::get<router<int>::match>(rest).captured[0].second, "a/b");
}

TEST(router, head_is_answered_by_get) { EXPECT_EQ(value_of(make_routes(), "HEAD", "/a"), 2); }

TEST(router, an_unknown_path_differs_from_a_wrong_method_which_names_the_allowed_ones) {
  auto r = make_routes();
  for (auto* path : {"/b", "/a/", "/a/1/2", "", "a", "/a/%zz", "/a/%00"})
    EXPECT_TRUE(std::holds_alternative<router<int>::no_such_path>(r.lookup("GET", path))) << path;
  auto wrong = r.lookup("PUT", "/a");
  EXPECT_EQ(std::get<router<int>::wrong_method>(wrong).allow, "GET, HEAD, POST, OPTIONS");
}

TEST(router, malformed_and_double_routes_are_refused_by_name) {
  router<int> r;
  ASSERT_TRUE(r.add("GET", "/x/:id", 1));
  for (auto* pattern : {"x", "", "/:", "/*rest/more", "/x/:id", "/x/:other"}) {
    auto added = r.add("GET", pattern, 2);
    ASSERT_FALSE(added) << pattern;
    EXPECT_EQ(added.error().where, std::string("GET ") + pattern);
  }
}

TEST(url, query_values_are_decoded_and_the_first_one_counts) {
  EXPECT_EQ(query_value("a=1&b=x%20y+z&a=2", "a"), "1");
  EXPECT_EQ(query_value("a=1&b=x%20y+z", "b"), "x y z");
  EXPECT_EQ(query_value("verbose", "verbose"), "");
  EXPECT_EQ(query_value("a=1", "c"), std::nullopt);
}

}  // namespace sm
