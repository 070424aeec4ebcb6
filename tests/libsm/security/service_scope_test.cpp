#include "security/service_scope.hpp"

#include <gtest/gtest.h>

namespace sm {

TEST(service_scope, has_names_and_patterns_by_commas) {
  EXPECT_TRUE(in_scope("", "anything"));
  EXPECT_TRUE(in_scope("web", "web"));
  EXPECT_TRUE(in_scope("web", "web:7"));
  EXPECT_TRUE(in_scope("a,web-*", "web-shop:0"));
  EXPECT_FALSE(in_scope("web", "web2"));
  EXPECT_FALSE(in_scope("web-*", "web"));
  EXPECT_FALSE(in_scope("a,b", "a,b"));
  EXPECT_FALSE(in_scope("web", ""));
}

TEST(service_scope, an_event_is_of_its_service_or_its_instance) {
  EXPECT_TRUE(event_in_scope("web", R"({"instance":"web:0","service":"web"})"));
  EXPECT_TRUE(event_in_scope("web", R"({"id":"1","instance":"web:0"})"));
  EXPECT_FALSE(event_in_scope("web", R"({"instance":"web:0","service":"other"})"));
  EXPECT_FALSE(event_in_scope("web", R"({"count":1})"));
  EXPECT_TRUE(event_in_scope("", R"({"count":1})"));
  // What a program says is a text within, with its quotes escaped.
  EXPECT_FALSE(event_in_scope("web", R"({"error":"\"service\":\"web\"","service":"other"})"));
}

TEST(service_scope, what_could_be_no_names_is_refused) {
  for (auto scope : {"web", "web-*,api", "?", "A.b_c-9"}) EXPECT_TRUE(check_scope(scope)) << scope;
  for (auto scope : {"", ",", "a,", "a b", "a;b", "group:x", "a\n"})
    EXPECT_FALSE(check_scope(scope)) << scope;
}

}  // namespace sm
