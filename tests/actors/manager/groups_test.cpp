#include "manager/groups.hpp"

#include "fake_manager.hpp"

namespace sm {
namespace {

using test::fake_manager;
using test::turn_until;

const exit_status crash = killed_by{SIGSEGV};

std::vector<group_spec> group(group_strategy strategy, unsigned restarts = 10) {
  return {{.name = "g", .strategy = strategy, .intensity = {.restarts = restarts}}};
}

/// a, and b after it, both ready.
void start_two(fake_manager& m) {
  auto b = fake_manager::wanted("b", "g");
  b.spec.after = {"a"};
  ASSERT_TRUE(m.services.start({fake_manager::wanted("a", "g"), b}, {}, {}));
  ASSERT_TRUE(m.run("a:0"));
  ASSERT_TRUE(m.run("b:0"));
}

}  // namespace

TEST(groups, one_for_all_stops_the_others_and_starts_them_together) {
  fake_manager m(group(group_strategy::one_for_all));
  start_two(m);
  auto& b = *m.last("b:0");
  fake_manager::end(*m.last("a:0"), crash);
  // Its first restart comes without a pause, and stops the rest of the group.
  ASSERT_TRUE(turn_until(m.events, [&] { return to_string(b.life().state) == "STOPPING"; }));
  EXPECT_EQ(b.does(), duty::waits);
  EXPECT_EQ(m.started("b:0"), 1);
  fake_manager::end(b, exited_with{0});
  ASSERT_TRUE(m.run("a:0"));
  EXPECT_TRUE(turn_until(m.events, [&] { return m.started("b:0") == 2; }));
}

TEST(groups, one_for_one_leaves_the_others_alone) {
  fake_manager m(group(group_strategy::one_for_one));
  start_two(m);
  fake_manager::end(*m.last("a:0"), crash);
  ASSERT_TRUE(turn_until(m.events, [&] { return m.started("a:0") == 2; }));
  EXPECT_TRUE(m.is("b:0", "RUNNING"));
}

TEST(groups, rest_for_one_stops_those_that_start_after) {
  for (auto* failing : {"a:0", "b:0"}) {
    fake_manager m(group(group_strategy::rest_for_one));
    start_two(m);
    fake_manager::end(*m.last(failing), crash);
    ASSERT_TRUE(turn_until(m.events, [&] { return m.started(failing) == 2; }));
    EXPECT_EQ(m.is("b:0", "STOPPING"), failing == std::string("a:0"));
  }
}

TEST(groups, too_many_restarts_make_all_of_it_fatal) {
  fake_manager m(group(group_strategy::one_for_one, 1));
  start_two(m);
  auto& b = *m.last("b:0");
  fake_manager::end(*m.last("a:0"), crash);
  ASSERT_TRUE(turn_until(m.events, [&] { return m.started("a:0") == 2; }));
  m.last("a:0")->handle(became_ready{});
  EXPECT_EQ(to_string(b.life().state), "RUNNING") << "one restart is allowed";
  fake_manager::end(*m.last("a:0"), crash);
  ASSERT_TRUE(turn_until(m.events, [&] { return to_string(b.life().state) == "STOPPING"; }));
  fake_manager::end(b, exited_with{0});
  EXPECT_EQ(to_string(b.life().state), "FATAL");
  EXPECT_TRUE(b.life().reason.starts_with("group g failed")) << b.life().reason;
}

}  // namespace sm
