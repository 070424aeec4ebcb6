// Real processes: killed, hung, crashing, stubborn.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <set>

#include "supervision_fixture.hpp"

namespace sm::test {
using namespace std::chrono_literals;

TEST_F(supervision_fixture, each_service_runs_in_a_process_of_its_own) {
  std::set<pid_t> pids{app.pid()};
  for (auto* name : {"a", "b", "consumer.default"})
    EXPECT_TRUE(pids.insert(app.instance_pid(name)).second);
  EXPECT_EQ(call("a", "pid")["result"], app.instance_pid("a"));
  EXPECT_EQ(call("a", "name")["result"], "a/a:0");
}

TEST_F(supervision_fixture, a_killed_service_comes_back_with_another_pid_and_answers) {
  auto before = app.instance_pid("a");
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return app.instance_pid("a") != before && app.all_ready(); }));
  EXPECT_EQ(call("a", "pid")["result"], app.instance_pid("a"));
  auto shown = app.service("a");
  EXPECT_EQ(shown["restarts"], 1);
  EXPECT_EQ(shown["last_exit"], "SIGKILL");
}

TEST_F(supervision_fixture,
       a_gather_with_a_hung_service_ends_on_time_and_the_next_ones_do_not_wait_for_it) {
  using clock = std::chrono::steady_clock;
  auto start = clock::now();
  auto hung = app.get("/hang/2000").document();
  EXPECT_EQ(hung["results"]["b"]["error"]["code"], "timeout");
  auto first = clock::now() - start;
  EXPECT_GE(first, 290ms);
  EXPECT_LT(first, 1500ms) << "it ends by its own timeout, not by the hung handler";

  for (int i = 0; i < 5; ++i) {
    start = clock::now();
    auto partial = app.get("/gather").document();
    EXPECT_LT(clock::now() - start, 290ms) << "who is overdue is not waited for again";
    EXPECT_EQ(partial["complete"], false);
    EXPECT_EQ(partial["results"]["a"]["ok"], true);
    EXPECT_EQ(partial["results"]["b"]["error"]["code"], "timeout");
  }
  ASSERT_TRUE(eventually([&] { return app.get("/gather").document()["complete"] == true; }))
      << "both answer again";
  EXPECT_EQ(call("b", "calls")["result"], 1);
}

TEST_F(supervision_fixture, an_expired_command_is_not_run_late) {
  auto hang = [&](int ms) { return call("b", "hang", ms, "?timeout=100ms"); };
  // Both are in the service's mailbox before the first one blocks it: sent on one connection at
  // once.
  http_connection connection((app.state() / "sm.sock").string());
  std::string request =
      "POST /v1/services/b/commands/hang?timeout=100ms HTTP/1.1\r\nHost: x\r\nContent-Length: "
      "3\r\n\r\n600";
  http_connection other((app.state() / "sm.sock").string());
  connection.send(request);
  other.send(request);
  EXPECT_EQ(connection.receive().status, 504);
  EXPECT_EQ(other.receive().status, 504);
  EXPECT_EQ(hang(1)["code"], "timeout") << "refused at once: it owes answers";
  ASSERT_TRUE(eventually([&] { return call("b", "calls").contains("result"); }));
  EXPECT_EQ(call("b", "calls")["result"], 1)
      << "the second one expired while the first one blocked";
}

TEST_F(supervision_fixture, a_service_that_answers_later_is_waited_for_and_is_not_stuck) {
  EXPECT_EQ(call("a", "later", 50)["result"], "later");
  EXPECT_EQ(call("a", "never", nullptr, "?timeout=100ms")["code"], "timeout");
  ASSERT_TRUE(eventually([&] { return call("a", "pid").contains("result"); }))
      << "it answers pings, so it is asked again";
}

TEST_F(supervision_fixture, a_blocking_command_does_not_hold_up_the_others) {
  http_connection slow((app.state() / "sm.sock").string());
  slow.send(
      "POST /v1/services/a/commands/work?timeout=5s HTTP/1.1\r\nHost: x\r\nContent-Length: "
      "3\r\n\r\n500");
  EXPECT_EQ(call("a", "pid", nullptr, "?timeout=400ms")["result"], app.instance_pid("a"));
  EXPECT_EQ(slow.receive().document()["result"], app.instance_pid("a"));
}

TEST_F(supervision_fixture, errors_of_handlers_reach_the_caller_and_the_service_lives_on) {
  auto pid = app.instance_pid("a");
  auto post = [&](const std::string& path, const std::string& body = "") {
    return app.api("POST", "/v1/services/a/commands/" + path, body);
  };
  EXPECT_EQ(post("throw").status, 502);
  EXPECT_EQ(post("throw").document()["detail"], "as asked");
  EXPECT_EQ(post("refuse").status, 409);
  EXPECT_EQ(post("refuse").document()["where"], "/here");
  EXPECT_EQ(post("no_such").status, 404);
  EXPECT_EQ(post("no_such").document()["code"], "unknown_command");
  auto misfit = post("add", R"({"x": 1, "y": "two"})");
  EXPECT_EQ(misfit.status, 422);
  EXPECT_EQ(misfit.document()["where"], "/y");
  EXPECT_EQ(post("add", "{nope").status, 400);
  EXPECT_EQ(post("add", R"({"x": 1, "y": 2})").document()["result"], 3);
  EXPECT_EQ(post("nothing").document()["result"], nullptr);
  EXPECT_EQ(post("big", "1000000").document()["result"].get<std::string>().size(), 1000000U);
  EXPECT_EQ(post("big", "2000000").status, 502);
  EXPECT_EQ(app.api("POST", "/v1/services/zzz/commands/pid").status, 404);
  EXPECT_EQ(app.instance_pid("a"), pid);
}

TEST_F(supervision_fixture, services_ask_each_other_through_the_manager) {
  EXPECT_EQ(call("a", "ask", "b")["result"], app.instance_pid("b"));
  EXPECT_EQ(call("a", "ask", "zzz")["code"], "unknown_service");
  auto all = call("a", "ask_all")["result"];
  EXPECT_EQ(all["complete"], true);
  EXPECT_EQ(all["results"]["b"]["result"], app.instance_pid("b"));
}

TEST_F(supervision_fixture, timers_tick) {
  ASSERT_TRUE(eventually([&] { return call("a", "ticks")["result"] > 3; }));
}

TEST_F(supervision_fixture,
       a_service_added_at_run_time_is_in_the_next_gather_and_survives_a_restart_of_the_manager) {
  auto added = add(tool_named("third"));
  EXPECT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(added.headers["location"], "/v1/services/third");
  EXPECT_EQ(add(tool_named("third")).status, 409);
  ASSERT_TRUE(reaches("third", "RUNNING"));
  EXPECT_TRUE(app.get("/gather").document()["results"].contains("third"));

  EXPECT_EQ(app.stop(), 0);
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_TRUE(app.get("/gather").document()["results"].contains("third"));

  auto pid = app.instance_pid("third");
  EXPECT_EQ(app.api("DELETE", "/v1/services/third?wait=5s").status, 200);
  EXPECT_FALSE(alive(pid));
  EXPECT_FALSE(app.get("/gather").document()["results"].contains("third"));
  EXPECT_EQ(app.api("GET", "/v1/services/third").status, 404);
  EXPECT_EQ(app.stop(), 0);
  app.start();
  EXPECT_EQ(app.api("GET", "/v1/services/third").status, 404);
}

TEST_F(supervision_fixture, scaling_leaves_the_instances_that_stay_alone) {
  auto first = app.instance_pid("a");
  auto patched = app.api("PATCH", "/v1/services/a?wait=10s", R"({"instances": 4})").document();
  ASSERT_EQ(patched["instances"]["ready"], 4) << patched;
  EXPECT_EQ(app.instance_pid("a"), first);
  auto second = app.instance_pid("a", 1);
  std::set<pid_t> pids;
  for (int i = 0; i < 8; ++i) pids.insert(call("a", "pid")["result"].get<pid_t>());
  EXPECT_EQ(pids.size(), 4U) << "commands go round";
  EXPECT_EQ(call("a:1", "pid")["result"], second);
  EXPECT_TRUE(app.get("/gather").document()["results"].contains("a:3"));

  EXPECT_EQ(verb("a", "scale", R"({"instances": "-2"})")["instances"]["ready"], 2);
  EXPECT_EQ(app.instance_pid("a"), first);
  EXPECT_EQ(app.instance_pid("a", 1), second);
  EXPECT_EQ(verb("a", "scale", R"({"instances": 0})")["instances"]["running"], 0);
  EXPECT_EQ(call("a", "pid")["code"], "not_running");
  EXPECT_EQ(verb("a", "scale", R"({"instances": 1})")["ready"], true);
}

TEST_F(supervision_fixture,
       the_verbs_are_idempotent_and_what_was_stopped_stays_stopped_over_a_restart) {
  auto pid = app.instance_pid("a");
  EXPECT_EQ(verb("a", "stop")["state"], "STOPPED");
  EXPECT_EQ(verb("a", "stop")["state"], "STOPPED");
  EXPECT_FALSE(alive(pid));
  EXPECT_EQ(app.stop(), 0);
  app.start();
  EXPECT_EQ(app.service("a")["state"], "STOPPED");
  EXPECT_EQ(app.service("a")["desired"], "stopped");
  EXPECT_EQ(verb("a", "start")["state"], "RUNNING");
  pid = app.instance_pid("a");
  EXPECT_EQ(verb("a", "start")["state"], "RUNNING");
  EXPECT_EQ(app.instance_pid("a"), pid);
  EXPECT_EQ(verb("a", "restart")["state"], "RUNNING");
  EXPECT_NE(app.instance_pid("a"), pid);
  pid = app.instance_pid("a");
  EXPECT_EQ(verb("a", "reload")["state"], "RUNNING");
  EXPECT_NE(app.instance_pid("a"), pid);
  EXPECT_EQ(app.api("POST", "/v1/services/a/signal", R"({"signal": "CONT"})").status, 200);
  EXPECT_EQ(app.api("POST", "/v1/services/a/signal", R"({"signal": "BANG"})").status, 422);
}

TEST_F(supervision_fixture, two_starts_at_once_are_one_and_leave_nothing_behind) {
  ASSERT_EQ(add(tool_named("s", {{"start_ms", 200}}, {{"restart", "never"}})).status, 201);
  for (int n = 0; n < 2; ++n) app.api("POST", "/v1/services/s/start");
  ASSERT_TRUE(reaches("s", "RUNNING"));
  auto pid = app.instance_pid("s");
  EXPECT_EQ(verb("s", "reload")["state"], "RUNNING");
  EXPECT_NE(app.instance_pid("s"), pid) << "it is reloaded all the same";
  ::kill(app.instance_pid("s"), SIGKILL);
  ASSERT_TRUE(reaches("s", "EXITED"));
  EXPECT_FALSE(eventually([&] { return app.service("s")["state"] != "EXITED"; }, 300ms))
      << "its policy says never";
}

TEST_F(supervision_fixture, new_parameters_reach_the_service_by_a_restart) {
  auto pid = app.instance_pid("b");
  EXPECT_EQ(app.api("PATCH", "/v1/services/b", R"({"params": {"ticking": true}})").status, 200);
  ASSERT_TRUE(eventually(
      [&] { return app.instance_pid("b") != pid && call("b", "ticks").value("result", 0) > 0; }));
}

TEST_F(supervision_fixture, bad_specifications_are_refused_with_the_field_at_fault) {
  auto where = [&](const json& document) { return add(document).document().value("where", ""); };
  EXPECT_EQ(where({{"name", "x/y"}, {"type", "tool"}}), "/name");
  EXPECT_EQ(where({{"name", "x"}, {"type", "none"}}), "/type");
  EXPECT_EQ(where({{"name", "x"}, {"type", "tool"}, {"instances", -1}}), "/instances");
  EXPECT_EQ(where({{"name", "x"}, {"type", "tool"}, {"backoff", {{"min", "soon"}}}}),
            "/backoff/min");
  EXPECT_EQ(where(tool_named("x", json::object(), {{"requires", {"y"}}})), "");
  auto cycle = add(tool_named("y", json::object(), {{"requires", {"x"}}}));
  EXPECT_EQ(cycle.status, 422);
  EXPECT_NE(cycle.body.find("y -> x -> y"), std::string::npos) << cycle.body;
  EXPECT_EQ(app.api("POST", "/v1/services", "{").status, 400);
  EXPECT_EQ(app.api("PATCH", "/v1/services/a", R"({"name": "other"})").status, 422);
}

TEST_F(supervision_fixture,
       a_crash_loop_backs_off_becomes_fatal_with_its_reason_and_comes_back_by_reset_and_start) {
  for (auto [name, params, reason] :
       {std::tuple{"throws", json{{"fail", true}}, "no database (exit code 70)"},
        {"exits", json{{"exit", 3}}, "exit code 3"}}) {
    ASSERT_EQ(add(tool_named(name, params, quick_to_give_up)).status, 201);
    ASSERT_TRUE(reaches(name, "FATAL"));
    auto shown = app.service(name);
    EXPECT_EQ(shown["reason"], std::string("3 restarts within 1m, last: ") + reason);
    EXPECT_EQ(shown["restarts"], 3);
    EXPECT_EQ(app.get("/readyz").status, 503);
    EXPECT_NE(app.api("GET", "/readyz?verbose").body.find(std::string("[-]") + name + " FATAL"),
              std::string::npos);
    auto reset = app.api("POST", std::string("/v1/services/") + name + "/reset").document();
    EXPECT_EQ(reset["state"], "STOPPED");
    EXPECT_EQ(app.api("PATCH", std::string("/v1/services/") + name, R"({"params": {}})").status,
              200);
    EXPECT_EQ(verb(name, "start")["state"], "RUNNING");
  }
}

TEST_F(supervision_fixture, a_service_that_waits_in_backoff_says_until_when_and_costs_no_cpu) {
  ASSERT_EQ(add(tool_named("loop", {{"fail", true}}, {{"backoff", {{"min", "1h"}, {"max", "1h"}}}}))
                .status,
            201);
  ASSERT_TRUE(reaches("loop", "BACKOFF"));
  EXPECT_TRUE(app.service("loop")["instance_list"][0].contains("next_start_in"));
  EXPECT_EQ(verb("loop", "stop")["state"], "STOPPED");
}

TEST_F(supervision_fixture, a_service_that_is_not_ready_in_time_is_killed_and_says_so) {
  auto never_again = quick_to_give_up;
  never_again["start_timeout"] = "100ms";
  never_again["restart"] = "never";
  ASSERT_EQ(add(tool_named("slow", {{"hang_in_start", true}}, never_again)).status, 201);
  ASSERT_TRUE(reaches("slow", "EXITED"));
  EXPECT_EQ(app.service("slow")["reason"], "not ready within 100ms (SIGKILL)");
}

TEST_F(supervision_fixture, a_stop_pre_empts_a_start_that_is_under_way) {
  ASSERT_EQ(add(tool_named("slow", {{"hang_in_start", true}}, {{"stop_timeout", "400ms"}})).status,
            201);
  ASSERT_TRUE(eventually([&] { return app.instance_pid("slow") > 0; }));
  auto pid = app.instance_pid("slow");
  EXPECT_EQ(verb("slow", "stop")["state"], "STOPPED");
  EXPECT_FALSE(alive(pid));
}

TEST_F(supervision_fixture,
       a_service_that_heeds_neither_message_nor_signal_is_killed_within_its_timeout) {
  ASSERT_EQ(add(tool_named("stubborn", {{"stubborn", true}}, {{"stop_timeout", "400ms"}})).status,
            201);
  ASSERT_TRUE(reaches("stubborn", "RUNNING"));
  auto pid = app.instance_pid("stubborn");
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(verb("stubborn", "stop")["last_exit"], "SIGKILL");
  EXPECT_GE(std::chrono::steady_clock::now() - start, 390ms);
  EXPECT_FALSE(alive(pid));
}

TEST_F(supervision_fixture, a_grandchild_does_not_outlive_its_instance) {
  ASSERT_EQ(add(tool_named("parent", {{"grandchild", true}})).status, 201);
  ASSERT_TRUE(reaches("parent", "RUNNING"));
  for (bool killed : {true, false}) {
    auto pid = app.instance_pid("parent");
    auto grandchild = call("parent", "grandchild")["result"].get<pid_t>();
    ASSERT_TRUE(alive(grandchild));
    if (killed) {
      ::kill(pid, SIGKILL);
      ASSERT_TRUE(eventually([&] { return app.instance_pid("parent") != pid && app.all_ready(); }));
    } else {
      EXPECT_EQ(verb("parent", "stop")["state"], "STOPPED");
    }
    EXPECT_TRUE(eventually([&] { return !alive(grandchild); }));
  }
}

TEST_F(supervision_fixture, services_start_when_what_they_require_is_ready_and_stop_before_it) {
  ASSERT_EQ(add(tool_named("app", json::object(), {{"requires", {"db"}}})).status, 201);
  EXPECT_EQ(app.service("app")["waits_for"], "db");
  EXPECT_EQ(app.service("app")["state"], "STOPPED");
  EXPECT_EQ(app.service("app")["reason"], "waiting for unknown service 'db'");
  ASSERT_EQ(add(tool_named("db")).status, 201);
  ASSERT_TRUE(reaches("app", "RUNNING"));
  EXPECT_EQ(app.service("app")["reason"], nullptr);
  EXPECT_EQ(app.stop(), 0);
  std::stringstream log;
  log << std::ifstream(app.state() / "stderr").rdbuf();
  auto text = log.str();
  EXPECT_LT(text.find("app:0 STOPPING -> STOPPED"), text.find("db:0 RUNNING -> STOPPING"));
}

TEST_F(supervision_fixture, a_required_service_that_there_is_not_is_told_in_the_log_at_each_start) {
  ASSERT_EQ(add(tool_named("app", json::object(), {{"requires", {"databse"}}})).status, 201);
  ASSERT_EQ(add(tool_named("database")).status, 201);
  auto told = [&] {
    auto text = text_of(app.state() / "log" / "manager.log");
    std::size_t times = 0;
    for (auto at = text.find("app requires the unknown service 'databse'"); at != text.npos;
         at = text.find("app requires the unknown service 'databse'", at + 1))
      ++times;
    return times;
  };
  EXPECT_TRUE(eventually([&] { return told() == 1; }));
  EXPECT_EQ(app.stop(), 0);
  app.start();
  EXPECT_TRUE(eventually([&] { return told() == 2; }));
  EXPECT_NE(text_of(app.state() / "log" / "manager.log").find("did you mean 'database'?"),
            std::string::npos);
  EXPECT_EQ(app.service("app")["reason"], "waiting for unknown service 'databse'");
}

TEST(declarations, a_schedule_whose_queue_nobody_consumes_is_told_in_the_log) {
  program app(TEST_PROGRAM, {},
              {R"(TEST_CONSUMER={"queues": ["defaults"]})", "TEST_SCHEDULE=@yearly",
               "TEST_SCHEDULE_FILE=/dev/null"});
  std::stringstream log;
  log << std::ifstream(app.state() / "log" / "manager.log").rdbuf();
  EXPECT_NE(
      log.str().find("the schedule 'often' puts its jobs into the queue 'default', from which "
                     "no consumer of this program takes jobs; did you mean 'defaults'?"),
      std::string::npos)
      << log.str();
}

TEST_F(supervision_fixture, sigterm_and_sigint_stop_everything_and_leave_no_process) {
  for (int number : {SIGTERM, SIGINT}) {
    auto family = app.descendants();
    EXPECT_GE(family.size(), 4U) << "three services and the fork server";
    app.signal(number);
    EXPECT_EQ(app.wait(), 0);
    for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
    EXPECT_NE(app.log_of("a:0").find("destroyed"), std::string::npos);
    app.start();
    ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  }
}

TEST_F(supervision_fixture, a_second_signal_hurries) {
  ASSERT_EQ(add(tool_named("stubborn", {{"stubborn", true}}, {{"stop_timeout", "1h"}})).status,
            201);
  ASSERT_TRUE(reaches("stubborn", "RUNNING"));
  app.signal(SIGINT);
  ASSERT_TRUE(eventually([&] {
    std::stringstream log;
    log << std::ifstream(app.state() / "stderr").rdbuf();
    return log.str().find("stubborn:0 RUNNING -> STOPPING") != std::string::npos;
  }));
  app.signal(SIGINT);
  EXPECT_EQ(app.wait(5s), 0);
}

TEST_F(supervision_fixture,
       a_second_manager_on_the_same_state_folder_is_refused_with_the_pid_of_the_first) {
  auto output = app.state() / "second";
  auto line = std::string(TEST_PROGRAM) + " --listen 127.0.0.1:0 --state " + app.state().string() +
              " 2> " + output.string();
  int status = std::system(line.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  std::stringstream text;
  text << std::ifstream(output).rdbuf();
  EXPECT_NE(text.str().find("pid " + std::to_string(app.pid())), std::string::npos) << text.str();
}

TEST_F(supervision_fixture, a_service_that_is_stopped_by_a_signal_costs_nobody_else_an_answer) {
  auto pid = app.instance_pid("b");
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  json partial;  // its threads stop one after the other
  ASSERT_TRUE(eventually([&] {
    partial = app.get("/gather").document();
    return partial["results"]["b"].contains("error");
  }));
  EXPECT_EQ(partial["results"]["a"]["ok"], true);
  EXPECT_EQ(partial["results"]["b"]["error"]["code"], "timeout");
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  ASSERT_TRUE(eventually([&] { return app.get("/gather").document()["complete"] == true; }));
}

TEST_F(supervision_fixture,
       a_second_signal_while_a_request_is_in_flight_does_not_lose_the_shutdown) {
  auto c = app.connect();
  c.send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return app.get("/hello").status == 200; }));
  app.signal(SIGTERM);
  ASSERT_TRUE(
      eventually([&] { return app.log_of("manager").find("shutting down") != std::string::npos; }));
  app.signal(SIGTERM);
  EXPECT_EQ(app.wait(5s), 0);
}

TEST_F(supervision_fixture, blocking_commands_may_call_other_services_side_by_side) {
  std::vector<http_connection> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back((app.state() / "sm.sock").string());
    callers.back().send(
        "POST /v1/services/a/commands/ask_blocking?timeout=5s HTTP/1.1\r\nHost: "
        "x\r\nContent-Length: 3\r\n\r\n\"b\"");
  }
  for (auto& c : callers) EXPECT_EQ(c.receive().document()["result"], app.instance_pid("b"));
}

TEST_F(supervision_fixture, a_start_does_not_revive_an_instance_that_is_scaled_away) {
  ASSERT_EQ(verb("a", "scale", R"({"instances": 3})")["instances"]["ready"], 3);
  http_connection c((app.state() / "sm.sock").string());
  const std::string scale = R"({"instances": 2})";
  c.send("POST /v1/services/a/scale HTTP/1.1\r\nHost: x\r\nContent-Length: " +
         std::to_string(scale.size()) + "\r\n\r\n" + scale +
         "POST /v1/services/a/start?wait=10s HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(c.receive().status, 200);
  EXPECT_EQ(c.receive().status, 200);
  EXPECT_TRUE(eventually([&] { return app.service("a")["instance_list"].size() == 2; }));
}

}  // namespace sm::test
