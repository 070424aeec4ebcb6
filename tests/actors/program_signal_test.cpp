// Whom signals reach, what is collected, and what is left of a program in the end.
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "program_fixture.hpp"

namespace sm::test {
namespace {

/// A parent that notes its signals, and a worker in its group that notes its own.
const std::string parent_and_worker =
    "sh -c 'trap \"echo worker hup\" HUP; trap \"echo worker term; exit\" TERM; echo worker up; "
    "while :; do sleep 0.01; done' & "
    "trap 'echo main hup' HUP; trap 'echo main term; exit 0' TERM; echo main up; "
    "while :; do sleep 0.01; done";

}  // namespace

TEST_F(program_fixture, signals_reach_the_main_process_alone_unless_the_group_is_asked_for) {
  for (std::string mode : {"mixed", "main", "group"}) {
    auto name = "p-" + mode;
    ASSERT_EQ(add(shell(name, parent_and_worker, {{"kill_mode", mode}, {"stop_timeout", "500ms"}}))
                  .status,
              201);
    ASSERT_TRUE(logged(name + ":0", "main up"));
    ASSERT_TRUE(logged(name + ":0", "worker up"));
    ASSERT_TRUE(reaches(name, "RUNNING"));
    ASSERT_EQ(app.api("POST", "/v1/services/" + name + "/signal", R"({"signal": "HUP"})").status,
              200);
    ASSERT_TRUE(logged(name + ":0", "main hup"));
    EXPECT_EQ(verb(name, "stop")["state"], "STOPPED");
    auto text = app.log_of(name + ":0");
    EXPECT_NE(text.find("main term"), std::string::npos) << mode;
    bool group = mode == "group";
    EXPECT_EQ(text.find("worker hup") != std::string::npos, group) << mode;
    EXPECT_EQ(text.find("worker term") != std::string::npos, group) << mode;
    EXPECT_EQ(app.service(name)["last_exit"], "exit code 0");
  }
}

TEST_F(program_fixture, the_last_exit_of_a_stopped_program_is_its_own) {
  ASSERT_EQ(add(program_named("p", {"sleep", "1000"})).status, 201);
  ASSERT_EQ(add(shell("q", "trap 'exit 7' TERM; while :; do sleep 0.01; done; echo never")).status,
            201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  ASSERT_TRUE(reaches("q", "RUNNING"));
  EXPECT_EQ(verb("p", "stop")["last_exit"], "SIGTERM");
  ASSERT_TRUE(eventually([&] { return app.service("q")["state"] == "RUNNING"; }));
  auto ended = verb("q", "stop")["last_exit"];
  EXPECT_TRUE(ended == "exit code 7" || ended == "SIGTERM") << ended;  // before its trap was set
}

TEST_F(program_fixture, what_ends_in_its_tree_is_collected_at_once) {
  ASSERT_EQ(add(program_named("p", {"bash", "-c",
                                    "for i in $(seq 200); do (setsid sleep 0.01 &); done; "
                                    "echo made; exec sleep 1000"}))
                .status,
            201);
  ASSERT_TRUE(logged("p:0", "made"));
  auto zombies = [&] {
    int n = 0;
    for (auto pid : app.descendants())
      n += text_of("/proc/" + std::to_string(pid) + "/stat").find(") Z ") != std::string::npos;
    return n;
  };
  EXPECT_TRUE(eventually([&] { return zombies() == 0; }, 2s)) << zombies();
  EXPECT_EQ(app.service("p")["state"], "RUNNING");
}

TEST_F(program_fixture, the_last_words_of_a_program_are_in_its_log) {
  // Twenty runs: it is about a race.
  for (int run = 0; run < 20; ++run) {
    auto name = "p" + std::to_string(run);
    ASSERT_EQ(add(shell(name,
                        "(setsid sleep 1000 &); head -c 200000 /dev/zero | tr '\\0' x; "
                        "printf fatal >&2; exit 1",
                        {{"restart", "never"}}))
                  .status,
              201);
  }
  for (int run = 0; run < 20; ++run) {
    auto name = "p" + std::to_string(run);
    ASSERT_TRUE(reaches(name, "EXITED"));
    auto text = app.log_of(name + ":0");
    EXPECT_NE(text.find(R"("msg":"fatal")"), std::string::npos) << run;
    EXPECT_EQ(std::count(text.begin(), text.end(), 'x') >= 200'000, true) << run;
  }
}

TEST_F(program_fixture, an_unfinished_line_is_shown_after_a_second) {
  ASSERT_EQ(add(shell("p", "printf 'password: '; exec sleep 1000")).status, 201);
  EXPECT_TRUE(logged("p:0", R"("msg":"password: ")"));
}

TEST_F(program_fixture, a_program_that_goes_to_the_background_is_found_by_its_pid_file) {
  auto file = (app.state() / "daemon.pid").string();
  const std::string daemon = "(setsid sh -c 'echo $$ > " + file +
                             "; trap \"echo bye; exit 3\" TERM; "
                             "while :; do sleep 0.01; done' &); exit 0";
  ASSERT_EQ(add(shell("p", daemon, {{"pid_file", file}})).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  ASSERT_TRUE(
      eventually([&] { return std::to_string(app.instance_pid("p")) + "\n" == text_of(file); }));
  auto pid = app.instance_pid("p");
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(eventually(
      [&] { return app.service("p")["state"] == "RUNNING" && app.instance_pid("p") != pid; }));
  EXPECT_EQ(app.service("p")["last_exit"], "SIGKILL");
  ASSERT_TRUE(
      eventually([&] { return std::to_string(app.instance_pid("p")) + "\n" == text_of(file); }));
  EXPECT_EQ(verb("p", "stop")["last_exit"], "exit code 3") << "the daemon's own";
  EXPECT_TRUE(logged("p:0", "bye"));
}

TEST_F(program_fixture, a_stranger_in_the_pid_file_is_not_taken_for_the_program) {
  auto file = (app.state() / "daemon.pid").string();
  ASSERT_EQ(add(shell("p", "echo " + std::to_string(::getpid()) + " > " + file + "; exit 0",
                      {{"pid_file", file}, {"restart", "never"}}))
                .status,
            201);
  ASSERT_TRUE(reaches("p", "EXITED"));
  EXPECT_NE(app.service("p")["reason"].get<std::string>().find("nothing runs that " + file),
            std::string::npos)
      << app.service("p")["reason"];
}

TEST_F(program_fixture, a_program_that_leaves_processes_behind_is_told_what_to_do) {
  auto document = shell("p", "(setsid sleep 1000 &); exit 0", quick_to_give_up);
  ASSERT_EQ(add(document).status, 201);
  ASSERT_TRUE(reaches("p", "FATAL"));
  auto reason = app.service("p")["reason"].get<std::string>();
  EXPECT_NE(reason.find("run it in the foreground, or set pid_file (exit code 0)"),
            std::string::npos)
      << reason;
}

TEST_F(program_fixture, an_unhealthy_program_gets_its_stop_signal_and_is_restarted_on_failure) {
  ASSERT_EQ(add(shell("p", "trap 'echo asked; exit 0' TERM; while :; do sleep 0.01; done",
                      {{"restart", "on-failure"},
                       {"health",
                        {{"kind", "tcp"},
                         {"target", "127.0.0.1:1"},
                         {"interval", "20ms"},
                         {"grace", "300ms"},
                         {"failures", 2}}}}))
                .status,
            201);
  ASSERT_TRUE(logged("p:0", "asked"));
  EXPECT_TRUE(eventually([&] { return app.service("p")["restarts"] >= 1; }));
}

TEST_F(program_fixture, a_program_that_a_debugger_stopped_is_not_judged) {
  ASSERT_EQ(add(program_named("p", {"sleep", "1000"}, {{"watchdog", "200ms"}})).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto pid = app.instance_pid("p");
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr), 0);
  ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr), 0);
  ASSERT_EQ(::waitpid(pid, nullptr, __WALL), pid);
  EXPECT_TRUE(logged("p:0", "traces the program"));
  EXPECT_FALSE(eventually([&] { return app.service("p")["state"] != "RUNNING"; }, 1s));
  EXPECT_EQ(::ptrace(PTRACE_DETACH, pid, nullptr, nullptr), 0);
  EXPECT_EQ(app.instance_pid("p"), pid);
}

TEST_F(program_fixture, an_answer_of_an_older_process_does_not_make_a_program_ready) {
  auto port = std::to_string(port_);
  json ready{{"ready", {{"kind", "tcp"}, {"target", "127.0.0.1:" + port}}}};
  ASSERT_EQ(add(program_named("old", http_server(), ready)).status, 201);
  ASSERT_TRUE(reaches("old", "RUNNING"));
  auto document = program_named("new", {"sleep", "1000"}, ready);
  ASSERT_EQ(add(document).status, 201);
  ASSERT_TRUE(logged("new:0", "which is not of this run"));
  EXPECT_EQ(app.service("new")["state"], "STARTING");
}

}  // namespace sm::test
