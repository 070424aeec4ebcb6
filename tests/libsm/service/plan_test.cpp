#include "service/plan.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

using names = std::vector<std::string>;

service_spec program_named(std::string name, std::vector<std::string> command = {"sleep", "1"}) {
  service_spec spec{.name = std::move(name), .command = std::move(command)};
  complete(spec);
  return spec;
}
desired_service of_file(const service_spec& spec) {
  return {.spec = spec,
          .declared = std::make_shared<const service_spec>(spec),
          .origin = service_origin::file};
}
desired_service by_hand(const service_spec& spec) { return {.spec = spec}; }
declared_service in_file(const service_spec& spec) { return {spec, service_origin::file}; }

const service_change& change_of(const service_plan& plan, const std::string& name) {
  for (auto& c : plan.changes)
    if (c.name == name) return c;
  throw std::out_of_range(name);
}

}  // namespace

TEST(plan, what_is_as_it_is_declared_is_kept_with_its_processes) {
  auto web = program_named("web");
  web.instances = 2;
  auto plan = make_plan({of_file(web)}, {in_file(web)});
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(change_of(plan, "web").kept, (names{"web:0", "web:1"}));
}

TEST(plan, a_new_service_is_added_and_one_that_is_declared_no_more_removed) {
  auto plan = make_plan({of_file(program_named("old"))}, {in_file(program_named("new"))});
  EXPECT_EQ(plan.changes.at(0).name, "old");
  EXPECT_EQ(plan.changes.at(0).action, plan_action::remove);
  EXPECT_EQ(plan.changes.at(0).stopped, names{"old:0"});
  EXPECT_EQ(plan.changes.at(1).action, plan_action::add);
  EXPECT_EQ(plan.changes.at(1).started, names{"new:0"});
}

TEST(plan, what_was_added_by_hand_is_kept) {
  auto plan = make_plan({by_hand(program_named("mine"))}, {});
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(change_of(plan, "mine").wanted.origin, service_origin::hand);
}

TEST(plan, fields_tell_from_what_to_what_and_which_processes_are_replaced) {
  auto before = program_named("web"), after = before;
  before.instances = 3;
  after.instances = 2;
  after.command = {"sleep", "2"};
  auto c = change_of(make_plan({of_file(before)}, {in_file(after)}), "web");
  EXPECT_EQ(c.action, plan_action::change);
  EXPECT_EQ(c.fields, (std::vector<field_change>{{"/command", {"sleep", "1"}, {"sleep", "2"}},
                                                 {"/instances", 3, 2}}));
  EXPECT_EQ(c.replaced, (names{"web:0", "web:1"}));
  EXPECT_EQ(c.stopped, names{"web:2"});
}

TEST(plan, a_change_that_concerns_no_process_keeps_them) {
  auto before = program_named("web"), after = before;
  after.backoff.max = std::chrono::seconds(5);
  after.instances = 2;
  auto c = change_of(make_plan({of_file(before)}, {in_file(after)}), "web");
  EXPECT_EQ(c.fields.at(0).field, "/backoff/max");
  EXPECT_EQ(c.kept, names{"web:0"});
  EXPECT_EQ(c.started, names{"web:1"});
  EXPECT_TRUE(c.replaced.empty());
}

TEST(plan, what_was_changed_by_hand_holds_until_the_file_changes_or_is_to_overwrite_it) {
  auto declared = program_named("web");
  auto scaled = of_file(declared);
  scaled.spec.instances = 4;
  auto plan = make_plan({scaled}, {in_file(declared)});
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(change_of(plan, "web").by_hand, (std::vector<field_change>{{"/instances", 1, 4}}));
  auto forced = change_of(make_plan({scaled}, {in_file(declared)}, true), "web");
  EXPECT_EQ(forced.fields, (std::vector<field_change>{{"/instances", 4, 1}}));
  auto other = declared;
  other.nice = 5;
  auto c = change_of(make_plan({scaled}, {in_file(other)}), "web");
  EXPECT_EQ(c.wanted.spec.instances, 1U);
}

TEST(plan, a_service_stopped_by_hand_stays_stopped_and_has_no_processes) {
  auto stopped = of_file(program_named("web"));
  stopped.enabled = false;
  auto other = stopped.spec;
  other.command = {"sleep", "3"};
  auto c = change_of(make_plan({stopped}, {in_file(other)}), "web");
  EXPECT_FALSE(c.wanted.enabled);
  EXPECT_TRUE(c.replaced.empty());
}

TEST(plan, one_with_autostart_off_is_added_without_being_started) {
  auto spec = program_named("web");
  spec.autostart = false;
  auto c = change_of(make_plan({}, {in_file(spec)}), "web");
  EXPECT_FALSE(c.wanted.enabled);
  EXPECT_TRUE(c.started.empty());
}

TEST(plan, a_service_removed_by_hand_comes_back_when_the_file_changes) {
  auto removed = of_file(program_named("web"));
  removed.removed = true;
  auto plan = make_plan({removed}, {in_file(removed.spec)});
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(to_document(plan)[0]["removed_by_hand"], true);
  auto other = removed.spec;
  other.nice = 5;
  EXPECT_EQ(change_of(make_plan({removed}, {in_file(other)}), "web").action, plan_action::add);
}

TEST(plan, the_order_is_that_in_which_services_depend_on_each_other) {
  auto db = program_named("z-db"), web = program_named("a-web"), old = program_named("old"),
       older = program_named("older");
  web.requires_ = {"z-db"};
  older.after = {"old"};
  auto plan = make_plan({of_file(old), of_file(older)}, {in_file(web), in_file(db)});
  names order;
  for (auto& c : plan.changes) order.push_back(c.name);
  EXPECT_EQ(order, (names{"older", "old", "z-db", "a-web"}));
}

TEST(plan, no_value_of_an_environment_variable_is_shown) {
  auto before = program_named("web"), after = before;
  before.env = {{"KEY", "old-secret"}};
  after.env = {{"KEY", "new-secret"}, {"MORE", "third-secret"}};
  auto fresh = program_named("fresh");
  fresh.env = {{"KEY", "fourth-secret"}};
  auto plan = make_plan({of_file(before)}, {in_file(after), in_file(fresh)});
  auto text = print_json(to_document(plan));
  EXPECT_EQ(text.find("-secret"), text.npos) << text;
  EXPECT_NE(text.find("/env/KEY"), text.npos) << text;
  EXPECT_NE(print_json(to_document(plan, false)).find("new-secret"), text.npos);
}

TEST(plan, no_parameter_that_is_a_secret_is_shown) {
  service_spec before{.name = "web", .type = "demo"}, after, fresh;
  before.params = {{"db", {{"password", "old-hidden"}, {"port", 1}}}, {"dsn", "older-hidden"}};
  before.secret_params = {"dsn"};
  after = before;
  after.params = {{"db", {{"password", "new-hidden"}, {"port", 2}}}, {"dsn", "newer-hidden"}};
  after.secret_params = {};  // what was a secret until then is told by no plan
  fresh = before;
  fresh.name = "fresh";
  auto plan = make_plan({of_file(before)}, {in_file(after), in_file(fresh)});
  auto text = print_json(to_document(plan));
  EXPECT_EQ(text.find("hidden"), text.npos) << text;
  EXPECT_NE(text.find("/params/db/password"), text.npos) << text;
  EXPECT_NE(text.find(R"("after":2)"), text.npos) << text;
}

}  // namespace sm
