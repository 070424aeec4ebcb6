#include "service/dependency_graph.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {
service_spec named(std::string name, std::vector<std::string> requires_,
                   std::vector<std::string> after = {}) {
  return {.name = std::move(name),
          .type = "t",
          .after = std::move(after),
          .requires_ = std::move(requires_)};
}
using names = std::vector<std::string>;
}  // namespace

TEST(dependency_graph, a_cycle_is_refused_with_the_names_along_it) {
  dependency_graph g;
  ASSERT_TRUE(g.put(named("a", {"b"})));
  ASSERT_TRUE(g.put(named("b", {}, {"c"})));
  auto refused = g.put(named("c", {"a"}));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("c -> a -> b -> c"), std::string::npos)
      << refused.error().detail;
  EXPECT_EQ(g.predecessors("a"), names{"b"});
  EXPECT_TRUE(g.put(named("c", {})));
}

TEST(dependency_graph, who_comes_after_follows_each_change) {
  dependency_graph g;
  ASSERT_TRUE(g.put(named("web", {"db"})));
  EXPECT_EQ(g.successors("db"), names{"web"});  // known before db is
  ASSERT_TRUE(g.put(named("db", {})));
  ASSERT_TRUE(g.put(named("web", {}, {"cache"})));
  EXPECT_EQ(g.successors("db"), names{});
  EXPECT_EQ(g.successors("cache"), names{"web"});
  ASSERT_FALSE(g.put(named("db", {}, {"db"})));  // what is refused leaves everything as it was
  EXPECT_EQ(g.successors("db"), names{});
  g.remove("web");
  EXPECT_EQ(g.successors("cache"), names{});
}

TEST(dependency_graph, names_that_no_service_has_are_told_with_the_nearest) {
  dependency_graph g;
  ASSERT_TRUE(g.put(named("web", {"dbb"}, {"cache", "db"})));
  ASSERT_TRUE(g.put(named("db", {})));
  EXPECT_EQ(g.missing("web"), "dbb");
  EXPECT_EQ(g.doubts("web"), (names{"starts after the unknown service 'cache'",
                                    "requires the unknown service 'dbb'; did you mean 'db'?"}));
  ASSERT_TRUE(g.put(named("dbb", {})));
  ASSERT_TRUE(g.put(named("cache", {})));
  EXPECT_EQ(g.missing("web"), "");
  EXPECT_EQ(g.doubts("web"), names{});
  EXPECT_EQ(g.doubts("nobody"), names{});
}

TEST(dependency_graph, a_refused_change_leaves_the_old_one_in_force) {
  dependency_graph g;
  ASSERT_TRUE(g.put(named("a", {"b"})));
  ASSERT_TRUE(g.put(named("b", {"c"})));
  ASSERT_TRUE(g.put(named("c", {})));
  ASSERT_FALSE(g.put(named("b", {"a"})));
  EXPECT_EQ(g.predecessors("b"), names{"c"});
}

TEST(dependency_graph, order_and_need_differ) {
  dependency_graph g;
  ASSERT_TRUE(g.put(named("web", {"db"}, {"cache", "gone"})));
  ASSERT_TRUE(g.put(named("db", {})));
  ASSERT_TRUE(g.put(named("cache", {})));
  EXPECT_EQ(g.predecessors("web"), (names{"cache", "db"}));
  EXPECT_EQ(g.required("web"), std::set<std::string>{"db"});
  EXPECT_EQ(g.successors("db"), names{"web"});
  EXPECT_EQ(g.successors("cache"), names{"web"});
  g.remove("web");
  EXPECT_TRUE(g.successors("db").empty());
}

}  // namespace sm
