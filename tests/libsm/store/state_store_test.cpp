#include "store/state_store.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "temporary_folder.hpp"

namespace sm {
namespace {
desired_service service_named(std::string name) {
  return {.spec = {.name = std::move(name), .type = "t", .params = {{"k", "v"}}}};
}
}  // namespace

TEST(state_store, services_survive_reopening) {
  test::temporary_folder t;
  auto a = service_named("a"), b = service_named("b");
  b.declared = to_json(b.spec);
  b.enabled = false;
  b.removed = true;
  {
    auto store = state_store::open(t.path() / "state.db");
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->put_service(a));
    ASSERT_TRUE(store->put_service(b));
    ASSERT_TRUE(store->put_service(service_named("c")));
    ASSERT_TRUE(store->remove_service("c"));
  }
  auto again = state_store::open(t.path() / "state.db");
  ASSERT_TRUE(again);
  auto services = again->services();
  ASSERT_TRUE(services);
  EXPECT_EQ(*services, (std::vector<desired_service>{a, b}));
}

TEST(state_store, an_instances_row_is_removed_by_its_own_incarnation_only) {
  test::temporary_folder t;
  auto store = state_store::open(t.path() / "state.db");
  const service_spec spec{.name = "a", .type = "t", .params = {{"x", 1}}};
  const journaled_instance first{"a:0", 10, 1, 1, "boot", "token", 3, spec};
  ASSERT_TRUE(store->put_instance(first));
  EXPECT_EQ(store->instances()->front(), first);
  ASSERT_TRUE(store->put_instance({"a:0", 11, 2, 2, "boot", "other", 4, spec}));
  ASSERT_TRUE(store->remove_instance("a:0", 1));
  auto rows = store->instances();
  ASSERT_EQ(rows->size(), 1U);
  EXPECT_EQ(rows->front().pid, 11);
  ASSERT_TRUE(store->remove_instance("a:0", 2));
  EXPECT_TRUE(store->instances()->empty());
}

TEST(state_store, a_file_that_is_no_database_is_refused_with_what_to_do_and_left_alone) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  const std::string content(5000, 'x');
  std::ofstream(file) << content;
  auto store = state_store::open(file);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::unavailable);
  EXPECT_EQ(store.error().where, file.string());
  EXPECT_NE(store.error().detail.find("move it away"), std::string::npos) << store.error().detail;
  std::stringstream after;
  after << std::ifstream(file).rdbuf();
  EXPECT_EQ(after.str(), content);
}

}  // namespace sm
