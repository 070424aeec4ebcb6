#include "program/manager_state.hpp"

#include <gtest/gtest.h>

#include "builtin/queue_clock.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

desired_service wanted(const std::string& name, unsigned instances = 1) {
  desired_service d{.spec = {.name = name, .type = "demo", .instances = instances}};
  complete(d.spec);
  return d;
}

unreadable_row unreadable(const std::string& name) {
  return {name, {errc::invalid_spec, "cannot be read", {}}};
}

}  // namespace

TEST(manager_state, the_limits_that_were_declared_before_are_those_of_the_clock) {
  auto clock = wanted(clock_name), other = wanted("other");
  auto declared = [](json params) {
    return std::make_shared<const service_spec>(service_spec{.params = std::move(params)});
  };
  clock.declared = declared({{"limits", {{"mail", {{"rate", 1}}}, {"web", json::object()}}}});
  other.declared = declared({{"limits", {{"no", json::object()}}}});
  auto limits = declared_before({other, clock});
  EXPECT_EQ(limits.size(), 2U);
  EXPECT_EQ(limits.at("mail"), queue_limits{});
  for (auto& nothing : {json(), json(7), json{{"limits", nullptr}}}) {
    clock.declared = declared(nothing);
    EXPECT_TRUE(declared_before({clock}).empty()) << nothing;
  }
  clock.declared = nullptr;
  EXPECT_TRUE(declared_before({clock}).empty());
}

TEST(manager_state, files_are_somebody_s_as_long_as_it_is_wanted_unreadable_or_runs) {
  auto removed = wanted("removed");
  removed.removed = true;
  journaled_instance left;
  left.spec.name = "left";
  EXPECT_EQ(names_of({wanted("web"), removed}, {unreadable("odd")}, {left}),
            (std::set<std::string>{"left", "odd", "web"}));
}

TEST(manager_state, a_row_that_cannot_be_read_is_not_written_over) {
  test::temporary_folder place;
  auto store = state_store::open(place.path() / "state.db");
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->put_services({wanted("a", 1), wanted("b", 1)}));
  ASSERT_TRUE(put_readable(*store, {wanted("a", 2), wanted("b", 2)}, {unreadable("b")}));
  auto rows = store->services()->rows;
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].spec.instances, 2U);
  EXPECT_EQ(rows[1].spec.instances, 1U);
}

}  // namespace sm
