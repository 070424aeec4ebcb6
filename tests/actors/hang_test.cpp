// Services that hang, and what they leave behind.
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <thread>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class hang_fixture : public supervision_fixture {
 protected:
  std::vector<pid_t> sleepers() const {
    std::vector<pid_t> found;
    for (auto pid : app.descendants())
      if (text_of("/proc/" + std::to_string(pid) + "/cmdline").find("1234") != std::string::npos)
        found.push_back(pid);
    return found;
  }
};

}  // namespace

TEST_F(hang_fixture, a_hang_is_found_in_time_and_shows_its_stack) {
  for (auto* how : {"stop_itself", "spin", "deadlock"}) {
    ASSERT_EQ(add(tool_named(how, json::object(), {{"watchdog", "400ms"}})).status, 201);
    ASSERT_TRUE(reaches(how, "RUNNING"));
    auto pid = app.instance_pid(how);
    auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(call(how, how, nullptr, "?timeout=50ms")["code"], "timeout");
    ASSERT_TRUE(eventually([&] { return !alive(pid); }));
    EXPECT_LT(std::chrono::steady_clock::now() - start, 400ms + 1s + 300ms) << how;
    ASSERT_TRUE(eventually([&] { return app.service(how)["ready"] == true; }));
    EXPECT_EQ(app.service(how)["restarts"], 1);
    EXPECT_NE(text_of(app.state() / "log" / (std::string(how) + ":0.out")).find("stack of thread"),
              std::string::npos)
        << how;
    EXPECT_EQ(app.api("DELETE", std::string("/v1/services/") + how + "?wait=5s").status, 200);
  }
}

TEST_F(hang_fixture, a_process_in_a_debugger_is_not_judged_until_it_is_let_go) {
  ASSERT_EQ(add(tool_named("s", json::object(), {{"watchdog", "300ms"}})).status, 201);
  ASSERT_TRUE(reaches("s", "RUNNING"));
  auto pid = app.instance_pid("s");
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0)
    GTEST_SKIP() << "nothing may be traced here";
  // As a debugger does: told of the signal, it lets it through, and the process stops.
  int status = 0;
  ::kill(pid, SIGSTOP);
  ASSERT_EQ(::waitpid(pid, &status, __WALL), pid);
  ASSERT_EQ(::ptrace(PTRACE_CONT, pid, nullptr, SIGSTOP), 0);
  EXPECT_TRUE(eventually([&] {
    return app.log_of("manager").find("the watchdog does not judge it") != std::string::npos;
  }));
  EXPECT_FALSE(eventually([&] { return app.instance_pid("s") != pid; }, 1500ms));
  EXPECT_EQ(app.service("s")["restarts"], 0);
  ::waitpid(pid, &status, __WALL);
  EXPECT_EQ(::ptrace(PTRACE_DETACH, pid, nullptr, nullptr), 0);
  EXPECT_TRUE(eventually([&] { return app.service("s")["restarts"] == 1; }));
}

TEST_F(hang_fixture, a_crash_leaves_its_stack_in_the_log_and_its_signal_in_the_state) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer reports crashes itself";
#endif
  for (auto [how, name] : {std::pair{"abort", "SIGABRT"}, {"segv", "SIGSEGV"}}) {
    ASSERT_EQ(add(tool_named(how)).status, 201);
    ASSERT_TRUE(reaches(how, "RUNNING"));
    call(how, "crash", how);
    ASSERT_TRUE(eventually([&] { return app.service(how)["restarts"] == 1; }));
    EXPECT_EQ(app.service(how)["last_exit"], name);
    auto text = text_of(app.state() / "log" / (std::string(how) + ":0.out"));
    EXPECT_NE(text.find("(" + std::string(name) + "), stack of thread"), std::string::npos) << text;
  }
}

TEST_F(hang_fixture, a_stopped_service_is_found_even_if_it_was_stopped_without_a_manager) {
  ASSERT_EQ(add(tool_named("s", json::object(), {{"watchdog", "400ms"}})).status, 201);
  ASSERT_TRUE(reaches("s", "RUNNING"));
  auto pid = app.instance_pid("s");
  app.signal(SIGKILL);
  app.wait();
  ::kill(pid, SIGSTOP);
  app.start();
  // It cannot come to be adopted; its start timeout is the last word.
  EXPECT_EQ(app.api("POST", "/v1/services/s/restart").status, 200);
  ASSERT_TRUE(eventually([&] { return !alive(pid); }, 15s));
  ASSERT_TRUE(reaches("s", "RUNNING"));
}

TEST_F(hang_fixture, no_hang_is_found_falsely_under_load_from_outside) {
  ASSERT_EQ(add(tool_named("s", json::object(), {{"watchdog", "1s"}})).status, 201);
  ASSERT_TRUE(reaches("s", "RUNNING"));
  auto pid = app.instance_pid("s");
  std::atomic<bool> over{false};
  std::vector<std::thread> load;
  for (int i = 0; i < 4; ++i)
    load.emplace_back([&] {
      while (!over) {
      }
    });
  auto until = std::chrono::steady_clock::now() + 4s;
  EXPECT_FALSE(eventually([&] { return app.instance_pid("s") != pid; }, 4s));
  over = true;
  for (auto& t : load) t.join();
  EXPECT_GE(std::chrono::steady_clock::now(), until);
  EXPECT_EQ(app.service("s")["restarts"], 0);
}

TEST_F(hang_fixture, daemons_of_an_instance_die_with_it_however_it_ends) {
  ASSERT_EQ(add(tool_named("d", {{"daemon", true}})).status, 201);
  ASSERT_TRUE(reaches("d", "RUNNING"));
  for (bool killed : {true, false}) {
    auto pid = app.instance_pid("d");
    ASSERT_EQ(call("d", "daemon", 5)["result"], nullptr);
    ASSERT_TRUE(eventually([&] { return sleepers().size() == 5; }));
    auto daemons = sleepers();
    if (killed) {
      ::kill(pid, SIGKILL);
      ASSERT_TRUE(eventually([&] { return app.instance_pid("d") != pid && app.all_ready(); }));
    } else {
      EXPECT_EQ(verb("d", "stop")["state"], "STOPPED");
    }
    for (auto daemon : daemons) EXPECT_TRUE(eventually([&] { return !alive(daemon); })) << daemon;
  }
}

TEST_F(hang_fixture, an_instance_over_its_memory_is_killed_and_says_so) {
  ASSERT_EQ(add(tool_named("m", json::object(), {{"memory_max", "200MiB"}})).status, 201);
  ASSERT_TRUE(reaches("m", "RUNNING"));
  auto pid = app.instance_pid("m");
  EXPECT_EQ(call("m", "allocate", 50)["result"], 50);
  EXPECT_EQ(app.instance_pid("m"), pid);
  call("m", "allocate", 400, "?timeout=10s");
  ASSERT_TRUE(eventually([&] {
    auto shown = app.service("m");
    return shown["restarts"] == 1 && shown["ready"] == true;
  }));
  EXPECT_FALSE(alive(pid));
  auto end = app.service("m")["instance_list"][0]["last_end"].get<std::string>();
  EXPECT_NE(end.find("SIGKILL"), std::string::npos) << end;
}

TEST_F(hang_fixture, two_hundred_daemons_of_an_adopted_instance_die_with_it) {
  ASSERT_EQ(add(tool_named("d", {{"daemon", true}})).status, 201);
  ASSERT_TRUE(reaches("d", "RUNNING"));
  ASSERT_EQ(call("d", "daemon", 200, "?timeout=10s")["result"], nullptr);
  ASSERT_TRUE(eventually([&] { return sleepers().size() == 200; }));
  auto daemons = sleepers();
  app.signal(SIGKILL);
  app.wait();
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(verb("d", "stop")["state"], "STOPPED");
  for (auto daemon : daemons) EXPECT_TRUE(eventually([&] { return !alive(daemon); })) << daemon;
}

}  // namespace sm::test
