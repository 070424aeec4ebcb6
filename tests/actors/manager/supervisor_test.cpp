#include "manager/supervisor.hpp"

#include "fake_manager.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using test::fake_manager;
using test::outcome_of;
using test::turn_until;

const wait_for patient{10s};

class supervisor_fixture : public ::testing::Test {
 protected:
  void start(std::vector<desired_service> services) {
    ASSERT_TRUE(m.services.start(std::move(services), {}, {}));
  }
  std::string state_of(const std::string& service) {
    auto shown = m.services.show(service);
    return shown ? (*shown)["state"].get<std::string>() : to_string(shown.error());
  }

  fake_manager m;
};

}  // namespace

TEST_F(supervisor_fixture, an_added_service_is_journaled_and_started) {
  start({});
  auto added = outcome_of(
      m.events,
      m.services.change_service(addition({{"name", "web"}, {"type", "demo"}, {"instances", 2}})));
  ASSERT_TRUE(added) << to_string(added.error());
  EXPECT_EQ((*added)["name"], "web");
  ASSERT_TRUE(m.run("web:0"));
  ASSERT_TRUE(m.run("web:1"));
  EXPECT_EQ(state_of("web"), "RUNNING");
}

TEST_F(supervisor_fixture, the_event_of_a_change_says_who_asked_for_it) {
  start({});
  const principal user{.from = principal::origin::unix_socket, .uid = 7, .pid = 9};
  ASSERT_TRUE(outcome_of(m.events, m.services.change_service(
                                       addition({{"name", "web"}, {"type", "demo"}}), {}, user)));
  auto told = m.shared.recent.after(0);
  auto added =
      std::find_if(told.begin, told.end, [](auto& e) { return e.type == "service.added"; });
  ASSERT_NE(added, told.end);
  auto data = json::parse(added->data);
  EXPECT_EQ(data["time"].get<std::string>().size(),
            std::string("2026-11-30T12:00:00.000000Z").size());
  data.erase("time");
  EXPECT_EQ(data, (json{{"service", "web"}, {"by", "uid 7, pid 9"}}));
}

TEST_F(supervisor_fixture, of_an_unknown_type_nothing_is_added) {
  start({});
  auto refused =
      outcome_of(m.events, m.services.change_service(addition({{"name", "web"}, {"type", "nix"}})));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unknown_type);
  EXPECT_EQ(refused.error().where, "/type");
}

TEST_F(supervisor_fixture, who_waits_for_a_stop_is_answered_when_it_is_at_rest) {
  start({fake_manager::wanted("web")});
  auto web = m.run("web:0");
  ASSERT_TRUE(web);
  auto stopped = m.services.change_service(stop_service{"web"}, patient);
  ASSERT_TRUE(turn_until(m.events, [&] { return state_of("web") == "STOPPING"; }));
  fake_manager::end(*web, exited_with{0});
  EXPECT_EQ(outcome_of(m.events, stopped).value()["state"], "STOPPED");
}

TEST_F(supervisor_fixture, a_service_starts_when_what_it_requires_is_ready) {
  auto web = fake_manager::wanted("web");
  web.spec.requires_ = {"db"};
  start({web, fake_manager::wanted("db")});
  ASSERT_TRUE(turn_until(m.events, [&] { return m.started("db:0") == 1; }));
  EXPECT_EQ(m.started("web:0"), 0);
  EXPECT_EQ(m.services.show("web").value()["waits_for"], "db");
  ASSERT_TRUE(m.run("db:0"));
  EXPECT_TRUE(turn_until(m.events, [&] { return m.started("web:0") == 1; }));
}

TEST_F(supervisor_fixture, a_name_is_free_again_once_what_it_left_is_removed) {
  std::function<void()> removed;
  m.shared.on_removed = [&](auto&, auto done) { removed = done; };
  start({fake_manager::wanted("web")});
  auto web = m.run("web:0");
  ASSERT_TRUE(web);
  auto gone = m.services.change_service(remove_service{"web"}, patient);
  ASSERT_TRUE(turn_until(m.events, [&] { return state_of("web") == "STOPPING"; }));
  fake_manager::end(*web, exited_with{0});
  EXPECT_EQ(outcome_of(m.events, gone).value()["state"], "REMOVED");
  bool added = false;
  m.services.change_service(addition({{"name", "web"}, {"type", "demo"}}))
      .then([&](const result<json>& r) { added = r.has_value(); });
  ASSERT_TRUE(turn_until(m.events, [&] { return static_cast<bool>(removed); }));
  EXPECT_FALSE(added);
  removed();
  EXPECT_TRUE(turn_until(m.events, [&] { return added; }));
}

TEST_F(supervisor_fixture, a_reload_starts_the_next_one_before_it_stops_the_last) {
  start({fake_manager::wanted("web", "", 2)});
  ASSERT_TRUE(m.run("web:0") && m.run("web:1"));
  auto old = m.last("web:0");
  auto reloaded = m.services.change_service(reload_service{"web"}, patient);
  ASSERT_TRUE(turn_until(m.events, [&] { return m.started("web:2") == 1; })) << "one stands in";
  EXPECT_EQ(to_string(old->life().state), "RUNNING");
  ASSERT_TRUE(m.run("web:2"));
  for (auto* name : {"web:0", "web:1"}) {
    auto i = m.last(name);
    ASSERT_TRUE(turn_until(m.events, [&] { return to_string(i->life().state) == "STOPPING"; }))
        << name;
    fake_manager::end(*i, exited_with{0});
    ASSERT_TRUE(m.run(name)) << name;
  }
  auto extra = m.last("web:2");
  ASSERT_TRUE(turn_until(m.events, [&] { return to_string(extra->life().state) == "STOPPING"; }));
  fake_manager::end(*extra, exited_with{0});
  auto outcome = outcome_of(m.events, reloaded);
  ASSERT_TRUE(outcome) << to_string(outcome.error());
  EXPECT_EQ((*outcome)["instances"]["running"], 0) << "no process was made, so none is counted";
  EXPECT_EQ((*outcome)["instance_list"].size(), 2U);
}

TEST_F(supervisor_fixture, what_does_not_become_ready_is_rolled_back) {
  start({fake_manager::wanted("web", "", 2)});
  ASSERT_TRUE(m.run("web:0") && m.run("web:1"));
  auto patched = m.services.change_service(patch_service{"web", {{"params", {{"a", 2}}}}}, patient);
  ASSERT_TRUE(turn_until(m.events, [&] { return m.started("web:2") == 1; }));
  fake_manager::end(*m.last("web:2"), exited_with{3});
  auto outcome = outcome_of(m.events, patched);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::conflict);
  ASSERT_TRUE(turn_until(m.events, [&] {
    return m.services.show("web").value()["spec"]["params"] == json::object();
  })) << "as it was before";
  EXPECT_TRUE(m.is("web:0", "RUNNING") && m.is("web:1", "RUNNING"));
}

TEST_F(supervisor_fixture, the_end_stops_each_service_after_those_that_depend_on_it) {
  auto web = fake_manager::wanted("web");
  web.spec.after = {"db"};
  start({web, fake_manager::wanted("db")});
  ASSERT_TRUE(m.run("db:0"));
  ASSERT_TRUE(m.run("web:0"));
  bool over = false;
  m.services.shutdown([&] { over = true; });
  ASSERT_TRUE(turn_until(m.events, [&] { return m.is("web:0", "STOPPING"); }));
  EXPECT_TRUE(m.is("db:0", "RUNNING"));
  fake_manager::end(*m.last("web:0"), exited_with{0});
  ASSERT_TRUE(turn_until(m.events, [&] { return m.is("db:0", "STOPPING"); }));
  EXPECT_FALSE(over);
  fake_manager::end(*m.last("db:0"), exited_with{0});
  EXPECT_TRUE(turn_until(m.events, [&] { return over; }));
  auto late = outcome_of(m.events, m.services.change_service(start_service{"web"}));
  EXPECT_EQ(late.error().code, errc::shutting_down);
}

TEST_F(supervisor_fixture, commands_reach_who_runs_and_say_why_nobody_does) {
  start({fake_manager::wanted("web", "", 2), fake_manager::wanted("idle", "", 0)});
  auto code = [&](const std::string& target) {
    auto outcome = outcome_of(m.events, m.services.commands().send({.target = target}));
    return outcome ? std::string("answered") : std::string(to_string(outcome.error().code));
  };
  EXPECT_EQ(code("web"), "not_running");
  EXPECT_EQ(code("web:0"), "not_running");
  EXPECT_EQ(code("idle"), "not_running");
  EXPECT_EQ(code("web:7"), "unknown_service");
  EXPECT_EQ(code("nobody"), "unknown_service");
  auto gathered = outcome_of(m.events, m.services.commands().broadcast({.target = "web"}));
  auto document = parse_json(gathered.value().text).value();
  EXPECT_EQ(document["results"].size(), 2U);
  EXPECT_EQ(document["results"]["web:1"]["error"]["code"], "not_running");
  auto unknown = outcome_of(m.events, m.services.commands().broadcast({.target = "nobody"}));
  EXPECT_EQ(unknown.error().code, errc::unknown_service);
  EXPECT_TRUE(outcome_of(m.events, m.services.commands().broadcast({.target = "no*"})));
}

TEST_F(supervisor_fixture, parameters_as_deep_as_a_body_may_be_are_shown) {
  auto deep = fake_manager::wanted("deep");
  json params = json::object();
  for (std::size_t n = 1; n < json_depth_max; ++n) params = json{{"p", std::move(params)}};
  deep.spec.params = std::move(params);
  ASSERT_TRUE(m.services.start({deep}, {}, {}));
  auto shown = m.services.show("deep");
  ASSERT_TRUE(shown);
  EXPECT_EQ((*shown)["spec"]["params"], deep.spec.params);
}

TEST_F(supervisor_fixture,
       what_is_set_aside_is_fatal_to_collectors_and_what_ended_well_is_not_wanted) {
  auto once = fake_manager::wanted("once");
  once.spec.restart = restart_policy::never;
  ASSERT_TRUE(m.services.start({once, fake_manager::wanted("web")}, {},
                               {{"broken", {errc::invalid_spec, "no such thing", {}}}}));
  auto i = m.run("once:0");
  ASSERT_TRUE(i);
  fake_manager::end(*i, exited_with{0});
  auto figures = test::outcome_of(m.events, m.services.figures());
  ASSERT_TRUE(figures);
  std::map<std::string, service_figures> by_name;
  for (auto& f : *figures) by_name[f.name] = f;
  EXPECT_EQ(by_name["broken"].state, instance_state::fatal);
  EXPECT_EQ(by_name["once"].state, instance_state::exited);
  EXPECT_EQ(by_name["once"].desired, 0U);
  EXPECT_EQ(by_name["once"].counted.starts, 1U);
  EXPECT_EQ(by_name["web"].desired, 1U);
}

}  // namespace sm
