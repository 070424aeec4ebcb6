// Any program as a service.
#include <arpa/inet.h>
#include <sys/socket.h>

#include "process/build_id.hpp"
#include "program_fixture.hpp"
#include "system/unique_fd.hpp"

namespace sm::test {

TEST_F(program_fixture, a_program_lists_answers_logs_stops_and_starts_like_any_service) {
  auto added = add(shell(
      "p", "echo out; echo err >&2; trap 'echo bye; exit 0' TERM; while :; do sleep 0.01; done"));
  ASSERT_EQ(added.status, 201) << added.body;
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto shown = app.service("p");
  EXPECT_EQ(shown["type"], "sm.program");
  auto pid = app.instance_pid("p");
  EXPECT_NE(shown["instance_list"][0]["adapter_pid"], pid);
  EXPECT_EQ(call("p", "status")["result"]["pid"], pid);
  ASSERT_TRUE(logged("p:0", R"("stream":"stdout","instance":"p:0","pid":)"));
  ASSERT_TRUE(logged("p:0", R"("msg":"err")"));
  EXPECT_EQ(verb("p", "stop")["state"], "STOPPED");
  EXPECT_FALSE(alive(pid));
  EXPECT_TRUE(logged("p:0", "bye")) << "it got its stop signal";
  EXPECT_EQ(verb("p", "start")["state"], "RUNNING");
  EXPECT_EQ(verb("p", "scale", R"({"instances": 3})")["instances"]["ready"], 3);
}

TEST_F(program_fixture, a_killed_program_comes_back_and_a_finished_one_follows_its_policy) {
  ASSERT_EQ(add(program_named("p", {"sleep", "1000"})).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto pid = app.instance_pid("p");
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return app.instance_pid("p") != pid && app.all_ready(); }));
  EXPECT_EQ(app.service("p")["last_exit"], "SIGKILL");
  ASSERT_EQ(add(shell("done", "exit 0", {{"restart", "on-failure"}})).status, 201);
  ASSERT_TRUE(reaches("done", "EXITED"));
  EXPECT_EQ(app.service("done")["last_exit"], "exit code 0");
  ASSERT_EQ(add(shell("failed", "exit 3", {{"restart", "never"}})).status, 201);
  ASSERT_TRUE(reaches("failed", "EXITED"));
  EXPECT_EQ(app.service("failed")["last_exit"], "exit code 3");
}

TEST_F(program_fixture, a_killed_adapter_takes_its_program_along) {
  ASSERT_EQ(add(program_named("p", {"sleep", "1000"})).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto pid = app.instance_pid("p");
  ::kill(app.service("p")["instance_list"][0]["adapter_pid"].get<pid_t>(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return !alive(pid); }));
  ASSERT_TRUE(eventually([&] { return app.instance_pid("p") != pid && app.all_ready(); }));
}

TEST_F(program_fixture, what_cannot_start_says_why_backs_off_and_gives_up) {
  auto fails = [&](json extra, const std::string& words) {
    auto document = shell("bad", "true", quick_to_give_up);
    document.update(extra);
    EXPECT_EQ(add(document).status, 201);
    EXPECT_TRUE(reaches("bad", "FATAL"));
    auto reason = app.service("bad")["reason"].get<std::string>();
    EXPECT_NE(reason.find(words), std::string::npos) << reason;
    EXPECT_EQ(app.service("bad")["restarts"], 3);
    EXPECT_EQ(app.api("DELETE", "/v1/services/bad?wait=5s").status, 200);
  };
  fails({{"command", {"no-such-program"}}}, "no-such-program");
  fails({{"directory", "/no/such/folder"}}, "/no/such/folder");
  fails({{"user", "nosuchuser"}}, "nosuchuser");
}

TEST_F(program_fixture, bad_fields_are_refused_with_their_names) {
  auto where = [&](json extra) {
    return add(shell("x", "true", extra)).document().value("where", "");
  };
  EXPECT_EQ(where({{"ready", {{"kind", "soon"}}}}), "/ready/kind");
  EXPECT_EQ(where({{"ready", {{"kind", "tcp"}, {"target", "here"}}}}), "/ready/target");
  EXPECT_EQ(where({{"health", {{"kind", "http"}, {"target", "x"}}}}), "/health/target");
  EXPECT_EQ(where({{"rlimits", {{"bytes", "1"}}}}), "/rlimits/bytes");
  EXPECT_EQ(where({{"umask", "9"}}), "/umask");
  EXPECT_EQ(where({{"nice", 40}}), "/nice");
  EXPECT_EQ(where({{"type", "tool"}}), "/command");
  EXPECT_EQ(where({{"log", {{"max_size", "tiny"}}}}), "/log/max_size");
}

TEST_F(program_fixture, readiness_is_what_was_asked_for) {
  const std::string go = "until [ -e go ]; do sleep 0.01; done; ";
  const std::string notify =
      "python3 -c \"import socket, os; socket.socket(socket.AF_UNIX, "
      "socket.SOCK_DGRAM).sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])\"; ";
  for (auto [kind, script] :
       {std::pair<const char*, std::string>{"fd", "echo >&$SM_READY_FD; "}, {"notify", notify}}) {
    auto folder = app.state() / kind;
    std::filesystem::create_directory(folder);
    ASSERT_EQ(add(shell(kind, go + script + "exec sleep 1000",
                        {{"directory", folder.string()}, {"ready", {{"kind", kind}}}}))
                  .status,
              201);
    ASSERT_TRUE(eventually([&] { return app.instance_pid(kind) > 0; }));
    EXPECT_EQ(app.service(kind)["state"], "STARTING");
    std::ofstream(folder / "go") << "\n";
    ASSERT_TRUE(reaches(kind, "RUNNING")) << kind;
  }
  for (auto [kind, target] : {std::pair{"tcp", "127.0.0.1:"}, {"http", "http://127.0.0.1:"}}) {
    ASSERT_EQ(add(program_named(
                      kind, http_server(),
                      {{"ready", {{"kind", kind}, {"target", target + std::to_string(port_)}}}}))
                  .status,
              201);
    ASSERT_TRUE(reaches(kind, "RUNNING")) << kind;
    EXPECT_EQ(http_connection(port_).request("GET", "/").status, 200);
    EXPECT_EQ(app.api("DELETE", std::string("/v1/services/") + kind + "?wait=5s").status, 200);
  }
}

namespace {

bool is_free(int port) {
  unique_fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return ::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

TEST_F(program_fixture, each_instance_is_asked_at_its_own_port_and_has_its_own_folder) {
  // Ports whose last digit is an instance's number.
  int tens = 1100 + static_cast<int>(::getpid() % 1000);
  while (!is_free(tens * 10) || !is_free(tens * 10 + 1)) ++tens;
  for (auto* n : {"0", "1"})
    std::filesystem::create_directory(app.state() / ("of-" + std::string(n)));
  auto target = "127.0.0.1:" + std::to_string(tens) + "${SM_INSTANCE_NUMBER}";
  ASSERT_EQ(add(program_named("many",
                              {"python3", "-m", "http.server", "--bind", "127.0.0.1",
                               std::to_string(tens) + "${SM_INSTANCE_NUMBER}"},
                              {{"instances", 2},
                               {"directory", (app.state() / "of-${SM_INSTANCE_NUMBER}").string()},
                               {"ready", {{"kind", "tcp"}, {"target", target}}}}))
                .status,
            201);
  ASSERT_TRUE(reaches("many", "RUNNING"));
  for (int n : {0, 1}) {
    auto pid = app.instance_pid("many", static_cast<std::size_t>(n));
    EXPECT_EQ(http_connection(tens * 10 + n).request("GET", "/").status, 200);
    auto adapter = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/cwd");
    EXPECT_EQ(adapter.filename(), "of-" + std::to_string(n));
  }
  EXPECT_EQ(add(program_named(
                    "none", {"sleep", "1"},
                    {{"ready", {{"kind", "tcp"}, {"target", "127.0.0.1:x${SM_INSTANCE_NUMBER}"}}}}))
                .status,
            422);
}

TEST_F(program_fixture, an_unhealthy_program_is_restarted) {
  auto folder = app.state() / "folder";
  std::filesystem::create_directory(folder);
  auto target = "http://127.0.0.1:" + std::to_string(port_) + "/";
  ASSERT_EQ(
      add(program_named(
              "web", http_server(),
              {{"directory", folder.string()},
               {"ready", {{"kind", "http"}, {"target", target}}},
               {"health",
                {{"kind", "http"}, {"target", target}, {"interval", "50ms"}, {"failures", 2}}}}))
          .status,
      201);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  ASSERT_TRUE(eventually([&] { return call("web", "status")["result"]["health"] == "healthy"; }));
  auto pid = app.instance_pid("web");
  std::ofstream(folder / "sick") << "\n";
  ASSERT_TRUE(eventually([&] { return !alive(pid); }));
  std::filesystem::remove(folder / "sick");
  ASSERT_TRUE(eventually([&] { return app.service("web")["ready"] == true; }));
  EXPECT_TRUE(logged("manager", "unhealthy: answered with status 500"));
}

TEST_F(program_fixture, a_stopped_program_is_found) {
  ASSERT_EQ(add(program_named("p", {"sleep", "1000"}, {{"watchdog", "400ms"}})).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto pid = app.instance_pid("p");
  ::kill(pid, SIGSTOP);
  ASSERT_TRUE(eventually([&] { return !alive(pid); }, 2s));
  ASSERT_TRUE(eventually([&] { return app.service("p")["ready"] == true; }));
}

TEST_F(program_fixture, a_program_that_ignores_the_stop_signal_is_killed_with_all_its_tree) {
  ASSERT_EQ(add(shell("p", "trap '' TERM; setsid sleep 4321 & while :; do sleep 0.05; done",
                      {{"stop_timeout", "400ms"}}))
                .status,
            201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto tree = [&] {
    std::vector<pid_t> found;
    for (auto pid : app.descendants())
      if (text_of("/proc/" + std::to_string(pid) + "/cmdline").find("4321") != std::string::npos)
        found.push_back(pid);
    return found;
  };
  ASSERT_TRUE(eventually([&] { return tree().size() >= 2; }));
  EXPECT_EQ(verb("p", "stop")["state"], "STOPPED");
  EXPECT_TRUE(eventually([&] { return tree().empty(); }));
}

TEST_F(program_fixture, a_program_outlives_the_manager_and_keeps_logging) {
  ASSERT_EQ(add(shell("p", "while :; do echo beat; sleep 0.02; done")).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto pid = app.instance_pid("p");
  app.signal(SIGKILL);
  app.wait();
  auto size = app.log_of("p:0").size();
  ASSERT_TRUE(eventually([&] { return app.log_of("p:0").size() > size; }));
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(app.instance_pid("p"), pid);
  EXPECT_EQ(verb("p", "stop")["state"], "STOPPED");
  EXPECT_FALSE(alive(pid));
}

TEST_F(program_fixture, a_program_that_closes_its_streams_costs_nothing) {
  ASSERT_EQ(add(shell("p", "exec >&- 2>&-; exec sleep 1000")).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  auto adapter = app.service("p")["instance_list"][0]["adapter_pid"].get<pid_t>();
  auto stat = [&] {
    std::istringstream fields(text_of("/proc/" + std::to_string(adapter) + "/stat"));
    std::string field;
    for (int i = 0; i < 14; ++i) fields >> field;
    return std::stol(field);
  };
  auto before = stat();
  EXPECT_FALSE(eventually([&] { return stat() > before + 5; }, 500ms)) << "it spins";
}

TEST_F(program_fixture, operators_signals_reach_the_program) {
  ASSERT_EQ(add(shell("p", "trap 'echo hup' HUP; echo up; while :; do sleep 0.01; done")).status,
            201);
  ASSERT_TRUE(logged("p:0", R"("msg":"up")"));
  ASSERT_TRUE(reaches("p", "RUNNING"));
  EXPECT_EQ(app.api("POST", "/v1/services/p/signal", R"({"signal": "HUP"})").status, 200);
  EXPECT_TRUE(logged("p:0", R"("msg":"hup")"));
}

TEST_F(program_fixture, a_program_that_executes_another_after_it_was_ready_is_known_as_that) {
  auto file = app.state() / "worker", go = app.state() / "go";
  std::filesystem::copy_file("/bin/sleep", file);
  ASSERT_EQ(add(shell("web", "until [ -e " + go.string() + " ]; do sleep 0.05; done; exec " +
                                 file.string() + " 1000"))
                .status,
            201);
  auto listed = [&](const char* field) -> json {
    auto all = app.api("GET", "/v1/services?q=web").document();
    return all["services"][0].value(field, json());
  };
  ASSERT_TRUE(eventually([&] { return listed("build") == build_of("/bin/sh"); }));
  std::ofstream(go).close();
  ASSERT_TRUE(eventually([&] { return listed("build") == build_of(file); }));
  EXPECT_EQ(listed("outdated"), nullptr);
  std::filesystem::copy_file("/bin/sleep", app.state() / "next");
  std::filesystem::rename(app.state() / "next", file);
  EXPECT_TRUE(eventually([&] { return listed("outdated") == true; }));
}

}  // namespace sm::test
