// The manager is killed; its services go on, and the next manager takes them up.
#include <sys/resource.h>

#include <algorithm>
#include <set>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class adoption_fixture : public supervision_fixture {
 protected:
  adoption_fixture() = default;
  explicit adoption_fixture(std::vector<std::string> arguments)
      : supervision_fixture(std::move(arguments)) {}

  void kill_manager() {
    app.signal(SIGKILL);
    EXPECT_EQ(app.wait(), -SIGKILL);
  }
  void next_manager() {
    app.start();
    EXPECT_TRUE(eventually([&] { return app.all_ready(); }));
  }
  /// Each process's beats stand together: no two ever ran at once.
  void expect_one_life_after_the_other(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::set<std::string> over;
    std::string line, last;
    while (std::getline(in, line)) {
      if (line == last) continue;
      EXPECT_TRUE(over.insert(line).second) << "process " << line << " ran beside another one";
      last = line;
    }
    EXPECT_FALSE(over.empty());
  }
};

class without_grace : public adoption_fixture {
 protected:
  without_grace() : adoption_fixture({"--set", "manager.orphan_grace=0ms"}) {}
};

class with_short_grace : public adoption_fixture {
 protected:
  with_short_grace() : adoption_fixture({"--set", "manager.orphan_grace=300ms"}) {}
};

}  // namespace

TEST_F(adoption_fixture, services_keep_pid_start_and_counters_over_kills_of_the_manager) {
  auto life = app.state() / "life";
  std::filesystem::create_directory(life);
  ASSERT_EQ(add(tool_named("beat", {{"life", life.string()}})).status, 201);
  ASSERT_TRUE(reaches("beat", "RUNNING"));
  ::kill(app.instance_pid("a"), SIGKILL);
  ASSERT_TRUE(eventually([&] { return app.service("a")["restarts"] == 1 && app.all_ready(); }));
  std::map<std::string, pid_t> before;
  for (auto* name : {"a", "b", "beat", "consumer.default"}) before[name] = app.instance_pid(name);
  auto family = app.descendants();
  for (int round = 0; round < 5; ++round) {
    kill_manager();
    next_manager();
    for (auto& [name, pid] : before) EXPECT_EQ(app.instance_pid(name), pid) << name;
    EXPECT_EQ(app.service("a")["restarts"], 1);
    EXPECT_EQ(app.get("/gather").document()["complete"], true);
  }
  EXPECT_EQ(text_of(life / "beat:0").find(std::to_string(before["beat"])), 0U);
  expect_one_life_after_the_other(life / "beat:0");
  EXPECT_EQ(app.stop(), 0);
  for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
}

TEST_F(adoption_fixture, a_service_that_died_without_a_manager_is_restarted_by_its_policy) {
  ASSERT_EQ(add(tool_named("once", json::object(), {{"restart", "never"}})).status, 201);
  ASSERT_TRUE(reaches("once", "RUNNING"));
  auto a = app.instance_pid("a"), b = app.instance_pid("b"), once = app.instance_pid("once");
  kill_manager();
  ::kill(a, SIGKILL);
  ::kill(once, SIGKILL);
  app.start();
  ASSERT_TRUE(eventually([&] { return app.service("a")["ready"] == true; }));
  EXPECT_NE(app.instance_pid("a"), a);
  EXPECT_EQ(app.service("a")["restarts"], 1);
  EXPECT_EQ(app.service("a")["last_exit"], "SIGKILL") << "its status was kept for us";
  ASSERT_TRUE(reaches("once", "EXITED"));
  ASSERT_TRUE(reaches("b", "RUNNING"));
  EXPECT_EQ(app.instance_pid("b"), b);
}

TEST_F(adoption_fixture, what_has_ended_is_not_started_by_the_next_manager_unless_it_was_stopped) {
  auto ran = app.state() / "ran";
  auto once = [&](const std::string& command) {
    return json{{"name", "once"}, {"command", {"sh", "-c", command}}, {"restart", "never"}};
  };
  auto append = "echo >> " + ran.string();
  auto runs = [&] { return std::ranges::count(text_of(ran), '\n'); };
  ASSERT_EQ(add(once(append)).status, 201);
  ASSERT_TRUE(reaches("once", "EXITED"));
  for (int round = 0; round < 2; ++round) {
    kill_manager();
    next_manager();
    auto shown = app.service("once");
    EXPECT_EQ(shown["state"], "EXITED");
    EXPECT_EQ(shown["done"], true);
    EXPECT_EQ(shown["last_exit"], "exit code 0");
    EXPECT_EQ(shown["desired"], "running");
  }
  EXPECT_EQ(runs(), 1);
  EXPECT_EQ(app.stop(), 0);
  app.start();
  ASSERT_TRUE(eventually([&] { return runs() == 2; })) << "all were stopped with their manager";
  ASSERT_TRUE(reaches("once", "EXITED"));
  auto another = json{{"command", {"sh", "-c", append + "; true"}}};
  ASSERT_EQ(app.api("PATCH", "/v1/services/once", another.dump()).status, 200);
  ASSERT_TRUE(eventually([&] { return runs() == 3; })) << "it is another thing now";
  ASSERT_TRUE(reaches("once", "EXITED"));
  ASSERT_EQ(app.api("POST", "/v1/services/once/stop").status, 200);
  kill_manager();
  next_manager();
  EXPECT_EQ(app.service("once")["state"], "STOPPED");
  EXPECT_EQ(runs(), 3);
}

TEST_F(adoption_fixture, what_has_ended_and_waits_to_be_started_waits_for_the_next_manager_too) {
  auto ran = app.state() / "ran";
  auto runs = [&] { return std::ranges::count(text_of(ran), '\n'); };
  ASSERT_EQ(add(tool_named("db")).status, 201);
  ASSERT_EQ(add({{"name", "once"},
                 {"command", {"sh", "-c", "echo >> " + ran.string()}},
                 {"restart", "never"},
                 {"requires", {"db"}}})
                .status,
            201);
  ASSERT_TRUE(reaches("once", "EXITED"));
  ASSERT_EQ(verb("db", "stop")["state"], "STOPPED");
  ASSERT_EQ(app.api("POST", "/v1/services/once/start").status, 200);
  ASSERT_TRUE(eventually([&] { return app.service("once").contains("waits_for"); }));
  kill_manager();
  app.start();
  ASSERT_TRUE(eventually([&] { return app.service("db").value("state", "") == "STOPPED"; }));
  EXPECT_EQ(runs(), 1);
  ASSERT_EQ(app.api("POST", "/v1/services/db/start").status, 200);
  EXPECT_TRUE(eventually([&] { return runs() == 2; }));
}

TEST_F(adoption_fixture, a_service_that_is_being_constructed_is_adopted) {
  auto life = app.state() / "life";
  std::filesystem::create_directory(life);
  ASSERT_EQ(add(tool_named("slow", {{"start_ms", 600}, {"life", life.string()}})).status, 201);
  ASSERT_TRUE(eventually([&] { return app.instance_pid("slow") > 0; }));
  auto pid = app.instance_pid("slow");
  ASSERT_TRUE(eventually([&] {  // it was welcomed: its log file is there
    return std::filesystem::exists(app.state() / "log" / "slow:0.log");
  }));
  kill_manager();
  next_manager();
  EXPECT_EQ(app.instance_pid("slow"), pid);
  expect_one_life_after_the_other(life / "slow:0");
}

TEST_F(adoption_fixture, a_service_that_is_being_stopped_ends_and_stays_stopped) {
  ASSERT_EQ(add(tool_named("stubborn", {{"stubborn", true}}, {{"stop_timeout", "1s"}})).status,
            201);
  ASSERT_TRUE(reaches("stubborn", "RUNNING"));
  auto pid = app.instance_pid("stubborn");
  app.api("POST", "/v1/services/stubborn/stop");
  ASSERT_TRUE(reaches("stubborn", "STOPPING"));
  kill_manager();
  next_manager();
  ASSERT_TRUE(reaches("stubborn", "STOPPED"));
  EXPECT_FALSE(alive(pid));
}

TEST_F(adoption_fixture, a_service_whose_handler_blocks_is_adopted_all_the_same) {
  http_connection caller((app.state() / "sm.sock").string());
  caller.send(
      "POST /v1/services/b/commands/hang?timeout=5s HTTP/1.1\r\nHost: x\r\nContent-Length: "
      "4\r\n\r\n1500");
  ASSERT_TRUE(eventually(
      [&] { return call("b", "calls", nullptr, "?timeout=50ms")["code"] == "timeout"; }));
  auto pid = app.instance_pid("b");
  kill_manager();
  app.start();
  ASSERT_TRUE(reaches("b", "RUNNING"));
  EXPECT_EQ(app.instance_pid("b"), pid);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(call("b", "calls")["result"], 1);
}

TEST_F(adoption_fixture, jobs_are_performed_while_there_is_no_manager) {
  auto notes = app.state() / "notes";
  auto job = [&](int number, const char* mood) {
    return json{{"file", notes.string()}, {"number", number}, {"mood", mood}}.dump();
  };
  ASSERT_EQ(app.api("POST", "/jobs", job(1, "slow")).status, 200);
  ASSERT_EQ(app.api("POST", "/jobs", job(2, "")).status, 200);
  kill_manager();
  ASSERT_TRUE(eventually([&] { return text_of(notes) == "1\n2\n"; }));
  next_manager();
  ASSERT_EQ(app.api("POST", "/jobs", job(3, "")).status, 200);
  ASSERT_TRUE(eventually([&] { return text_of(notes) == "1\n2\n3\n"; }));
}

TEST_F(adoption_fixture, a_killed_fork_server_costs_no_service) {
  auto a = app.instance_pid("a"), b = app.instance_pid("b");
  auto family = app.descendants();
  pid_t server = 0;
  for (auto pid : family)
    if (text_of("/proc/" + std::to_string(pid) + "/cmdline").find("fork server") !=
        std::string::npos)
      server = pid;
  ASSERT_GT(server, 0);
  ::kill(server, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !alive(server); }));
  ::kill(a, SIGKILL);
  // A request that was on its way may have been carried out, so it is a failed start.
  ASSERT_TRUE(eventually([&] { return app.service("a")["restarts"] >= 1 && app.all_ready(); }))
      << app.service("a");
  EXPECT_EQ(app.instance_pid("b"), b);
  EXPECT_EQ(app.service("a")["last_exit"], "SIGKILL");
  EXPECT_EQ(app.stop(), 0);
  for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
}

TEST_F(adoption_fixture, a_fork_server_that_is_stopped_is_replaced) {
  pid_t server = 0;
  for (auto pid : app.descendants())
    if (text_of("/proc/" + std::to_string(pid) + "/cmdline").find("fork server") !=
        std::string::npos)
      server = pid;
  auto a = app.instance_pid("a"), b = app.instance_pid("b");
  ::kill(server, SIGSTOP);
  ::kill(a, SIGKILL);
  ASSERT_TRUE(eventually([&] { return app.instance_pid("a") != a && app.all_ready(); }));
  EXPECT_EQ(app.instance_pid("b"), b);
  EXPECT_EQ(app.stop(), 0);
}

TEST_F(adoption_fixture, an_adopted_service_can_be_stopped_scaled_and_removed) {
  ASSERT_EQ(verb("a", "scale", R"({"instances": 3})")["instances"]["ready"], 3);
  auto second = app.instance_pid("a", 1), third = app.instance_pid("a", 2);
  kill_manager();
  next_manager();
  EXPECT_EQ(verb("a", "scale", R"({"instances": 2})")["instances"]["ready"], 2);
  EXPECT_FALSE(alive(third));
  EXPECT_EQ(app.instance_pid("a", 1), second);
  EXPECT_EQ(verb("a", "stop")["state"], "STOPPED");
  EXPECT_FALSE(alive(second));
  EXPECT_EQ(verb("a", "start")["instances"]["ready"], 2);
}

TEST_F(adoption_fixture, a_manager_without_descriptors_takes_nobody_for_gone) {
  constexpr unsigned count = 20;
  ASSERT_EQ(verb("a", "scale", R"({"instances": 20})")["instances"]["ready"], count);
  std::vector<pid_t> before;
  for (unsigned i = 0; i < count; ++i) before.push_back(app.instance_pid("a", i));
  auto open_descriptors = [&] {
    auto folder = "/proc/" + std::to_string(app.pid()) + "/fd";
    return static_cast<rlim_t>(std::distance(std::filesystem::directory_iterator(folder),
                                             std::filesystem::directory_iterator()));
  };
  auto needed = open_descriptors();
  kill_manager();
  rlimit ours{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &ours), 0);
  rlimit few{needed - count, needed - count};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  app.start();
  if (::setrlimit(RLIMIT_NOFILE, &ours) != 0) GTEST_SKIP() << "limits cannot be raised again here";
  EXPECT_TRUE(eventually(
      [&] { return app.log_of("manager").find("cannot be watched yet") != std::string::npos; }));
  ASSERT_EQ(::prlimit(app.pid(), RLIMIT_NOFILE, &ours, nullptr), 0);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  for (unsigned i = 0; i < count; ++i) EXPECT_EQ(app.instance_pid("a", i), before[i]) << i;
  EXPECT_EQ(app.service("a")["restarts"], 0);
}

TEST_F(with_short_grace, services_without_a_manager_stop_when_their_grace_is_over) {
  auto family = app.descendants();
  kill_manager();
  for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
  EXPECT_NE(app.log_of("a:0").find("destroyed"), std::string::npos) << "gracefully";
  next_manager();
  EXPECT_EQ(app.get("/gather").document()["complete"], true);
}

TEST_F(without_grace, services_stop_with_their_manager) {
  auto family = app.descendants();
  kill_manager();
  for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
  EXPECT_NE(app.log_of("a:0").find("destroyed"), std::string::npos);
}

TEST_F(adoption_fixture, a_stranger_on_the_link_socket_is_refused_and_harms_nothing) {
  http_connection stranger((app.state() / "link.sock").string());
  stranger.send("GET / HTTP/1.1\r\n\r\n\n");
  EXPECT_TRUE(stranger.closed_within(5s));
  http_connection liar((app.state() / "link.sock").string());
  liar.send(json{{"role", "service"}, {"instance", "a:0"}, {"token", "x"}}.dump() + "\n");
  EXPECT_NE(liar.receive_until("\n").find("no such process"), std::string::npos);
  EXPECT_EQ(app.get("/gather").document()["complete"], true);
}

}  // namespace sm::test
