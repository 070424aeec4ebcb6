// smd and its file: started, planned, applied, reloaded, executed anew.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <optional>

#include "process/build_id.hpp"
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

const std::string three_services = R"(
[manager]
orphan_grace = "20s"
[service.one]
command = ["sleep", "1001"]
[service.two]
command = ["sh", "-c", "echo number ${SM_INSTANCE_NUMBER} of ${SM_SERVICE}; exec sleep 1002"]
instances = 2
[service.three]
command = ["sleep", "1003"]
env = { KEY = "hidden-secret" }
)";

/// What a program without a manager's course says, and how it ends.
struct outcome {
  int code = -1;
  std::string words;
};
outcome run(const std::string& command) {
  outcome all;
  auto* out = ::popen((command + " 2>&1").c_str(), "re");
  char buffer[4096];
  for (std::size_t n = 0; (n = ::fread(buffer, 1, sizeof buffer, out)) > 0;)
    all.words.append(buffer, n);
  int status = ::pclose(out);
  all.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return all;
}

class configuration_fixture : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "smd.toml"; }
  void write(const std::string& text) const {
    std::ofstream(folder_.path() / "fresh") << text;
    std::filesystem::rename(folder_.path() / "fresh", file());
  }
  void start(const std::string& text, std::vector<std::string> more = {},
             const std::string& executable = SMD) {
    write(text);
    more.insert(more.begin(), {"--config", file().string()});
    app.emplace(executable, std::move(more));
    EXPECT_TRUE(eventually([&] { return app->all_ready(); }));
  }
  json plan(const std::string& body = "") const {
    return app->api("POST", "/v1/config/plan", body).document();
  }
  http_reply apply(const std::string& body = "") const {
    return app->api("POST", "/v1/config/apply?wait=10s", body);
  }
  static json row(const json& document, const std::string& name) {
    for (auto& change : document.at("changes"))
      if (change["name"] == name) return change;
    return nullptr;
  }
  std::map<std::string, pid_t> pids() const {
    std::map<std::string, pid_t> all;
    auto listed = app->api("GET", "/v1/services").document();
    for (auto& service : listed["services"]) {
      auto shown = app->service(service["name"]);
      for (auto& i : shown["instance_list"])
        all[i["name"]] = i["pid"].is_null() ? 0 : i["pid"].get<pid_t>();
    }
    return all;
  }
  static std::string with(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  }

  temporary_folder folder_;
  std::optional<program> app;
};

}  // namespace

TEST_F(configuration_fixture, services_of_the_file_run_and_are_marked_as_its_own) {
  start(three_services);
  EXPECT_EQ(app->service("one")["origin"], "file");
  EXPECT_EQ(app->service("two")["instances"]["ready"], 2);
  EXPECT_TRUE(eventually(
      [&] { return app->log_of("two:1").find("number 1 of two") != std::string::npos; }));
  ASSERT_EQ(
      app->api("POST", "/v1/services", R"({"name": "mine", "command": ["sleep", "1004"]})").status,
      201);
  EXPECT_EQ(app->service("mine")["origin"], "hand");
  EXPECT_EQ(app->service("three")["spec"]["env"]["KEY"], "********");
}

TEST_F(configuration_fixture, a_plan_tells_what_an_apply_then_does_and_nothing_else_is_touched) {
  start(three_services);
  ASSERT_EQ(
      app->api("POST", "/v1/services", R"({"name": "mine", "command": ["sleep", "1004"]})").status,
      201);
  ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  auto before = pids();
  auto text = with(three_services, "\"1001\"", "\"1009\"");
  text = with(text, "instances = 2", "instances = 3");
  text = with(text, "[service.three]", "[service.four]");
  write(text);
  auto planned = plan();
  EXPECT_EQ(planned["errors"], json::array());
  EXPECT_EQ(row(planned, "one")["processes"]["replaced"], json({"one:0"}));
  EXPECT_EQ(row(planned, "one")["fields"][0]["field"], "/command");
  EXPECT_EQ(row(planned, "two")["processes"]["kept"], json({"two:0", "two:1"}));
  EXPECT_EQ(row(planned, "two")["processes"]["started"], json({"two:2"}));
  EXPECT_EQ(row(planned, "three")["action"], "remove");
  EXPECT_EQ(row(planned, "four")["action"], "add");
  EXPECT_EQ(row(planned, "mine")["action"], "keep");
  EXPECT_EQ(planned.dump().find("hidden-secret"), std::string::npos);
  EXPECT_EQ(pids(), before) << "a plan changes nothing";

  auto applied = apply(json{{"etag", planned["etag"]}}.dump());
  ASSERT_EQ(applied.status, 200) << applied.body;
  EXPECT_EQ(applied.document()["complete"], true) << applied.body;
  auto after = pids();
  EXPECT_NE(after["one:0"], before["one:0"]);
  EXPECT_EQ(after["two:0"], before["two:0"]);
  EXPECT_EQ(after["two:1"], before["two:1"]);
  EXPECT_EQ(after["mine:0"], before["mine:0"]);
  EXPECT_GT(after["four:0"], 0);
  EXPECT_FALSE(after.contains("three:0"));
  planned = plan();
  for (auto& change : planned["changes"]) EXPECT_EQ(change["action"], "keep") << change;
}

TEST_F(configuration_fixture, an_apply_is_refused_when_file_or_services_changed_since_the_plan) {
  start(three_services);
  write(with(three_services, "\"1001\"", "\"1009\""));
  auto etag = plan()["etag"];
  EXPECT_EQ(plan()["etag"], etag) << "nothing has changed";
  write(with(three_services, "\"1001\"", "\"1008\""));
  EXPECT_EQ(apply(json{{"etag", etag}}.dump()).status, 409);
  write(with(three_services, "\"1001\"", "\"1009\""));
  ASSERT_EQ(app->api("POST", "/v1/services/two/scale", R"({"instances": 1})").status, 200);
  EXPECT_EQ(apply(json{{"etag", etag}}.dump()).status, 409);
  http_connection c((app->state() / "sm.sock").string());
  std::string quoted = "\"" + etag.get<std::string>() + "\"";
  EXPECT_EQ(c.request("POST", "/v1/config/apply", "", {{"If-Match", quoted}}).status, 409);
  EXPECT_EQ(apply(json{{"etag", plan()["etag"]}}.dump()).status, 200);
}

TEST_F(configuration_fixture, what_was_changed_by_hand_holds_until_it_is_to_be_overwritten) {
  start(three_services);
  ASSERT_EQ(app->api("POST", "/v1/services/two/scale?wait=5s", R"({"instances": 3})").status, 200);
  write(with(three_services, "\"1001\"", "\"1009\""));
  ASSERT_EQ(apply().status, 200);
  EXPECT_EQ(app->service("two")["instances"]["desired"], 3);
  EXPECT_EQ(row(plan(), "two")["by_hand"][0]["field"], "/instances");
  ASSERT_EQ(apply(R"({"overwrite": true})").status, 200);
  EXPECT_EQ(app->service("two")["instances"]["desired"], 2);
}

TEST_F(configuration_fixture, a_file_with_mistakes_is_not_applied_and_all_of_them_are_told) {
  start(three_services);
  auto before = pids();
  write(
      "[service.one]\ncomand = ['x']\n[service.two]\ncommand = ['x']\nafter = ['three']\n"
      "[service.three]\ncommand = ['x']\nafter = ['two']\n[http]\nlistn = ''\n");
  auto planned = plan();
  std::vector<int> lines;
  for (auto& e : planned["errors"]) lines.push_back(e["line"]);
  EXPECT_EQ(lines, (std::vector<int>{2, 5, 10})) << planned;
  EXPECT_EQ(planned["changes"], json::array());
  EXPECT_EQ(apply().status, 422);
  EXPECT_EQ(pids(), before);
}

TEST_F(configuration_fixture, sighup_applies_the_file_and_keeps_what_did_not_change) {
  start(three_services);
  auto before = pids();
  write(with(three_services, "[service.three]", "[service.four]"));
  app->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] { return app->service("four").value("ready", false); }));
  ASSERT_TRUE(eventually([&] { return !pids().contains("three:0"); }));
  write("[service.one\n");
  app->signal(SIGHUP);
  ASSERT_TRUE(eventually([&] {
    return app->log_of("manager").find("the configuration is not applied") != std::string::npos;
  }));
  auto after = pids();
  for (auto* name : {"one:0", "two:0", "two:1"}) EXPECT_EQ(after[name], before[name]) << name;
}

TEST_F(configuration_fixture, the_next_manager_follows_the_file_of_its_own_start) {
  start(three_services);
  auto before = pids();
  app->signal(SIGKILL);
  app->wait();
  write(with(three_services, "[service.three]", "[service.four]"));
  app->start();
  ASSERT_TRUE(eventually([&] { return app->service("four").value("ready", false); }));
  // An adopted program's pid is its adapter's until that has said which one it runs.
  EXPECT_TRUE(eventually([&] {
    auto after = pids();
    return after["one:0"] == before["one:0"] && after["two:0"] == before["two:0"] &&
           after["two:1"] == before["two:1"];
  }));
  EXPECT_TRUE(eventually([&] { return app->api("GET", "/v1/services/three").status == 404; }))
      << "once it has ended";
}

TEST_F(configuration_fixture, schedules_limits_and_settings_are_in_the_plan) {
  start("[limit.mail]\nconcurrency = 3\n[schedule.nightly]\ncron = '0 3 * * *'\ntype = 'T'\n");
  ASSERT_TRUE(eventually([&] {
    return app->api("GET", "/v1/queues/mail")
               .document()
               .value("limits", json::object())
               .value("concurrency", 0) == 3;
  }));
  write("[schedule.nightly]\ncron = '0 4 * * *'\ntype = 'T'\n[http]\nbody_max = '2MiB'\n");
  auto planned = plan();
  EXPECT_EQ(row(planned, "mail")["action"], "remove");
  EXPECT_EQ(row(planned, "nightly")["fields"][0]["after"], "0 4 * * *");
  EXPECT_EQ(row(planned, "http.body_max")["applies"], "reexec");
  ASSERT_EQ(apply().document()["pending_settings"], json({"http.body_max"}));
  EXPECT_TRUE(eventually([&] {
    return app->api("GET", "/v1/schedules/nightly").document()["cron"] == "0 4 * * *" &&
           app->api("GET", "/v1/queues/mail")
                   .document()
                   .value("limits", json::object())
                   .value("concurrency", 0) == 0;
  }));
}

TEST_F(configuration_fixture, check_prints_all_mistakes_and_its_exit_code_tells) {
  write(three_services);
  auto smd =
      std::string(SMD) + " --check --state " + (folder_.path() / "s").string() + " --config ";
  auto good = run(smd + file().string());
  EXPECT_EQ(good.code, 0) << good.words;
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "s")) << "nothing is made";
  write("[service.one]\ncomand = ['x']\n[http]\nbody_max = 'lots'\n[service.two]\ntype = 'demo'\n");
  auto bad = run(smd + file().string());
  EXPECT_EQ(bad.code, 78);
  auto at = "error: " + file().string();
  EXPECT_NE(bad.words.find(at + ":2:1: service.one.comand: unknown field; did you mean 'command'?"),
            std::string::npos)
      << bad.words;
  EXPECT_NE(bad.words.find(at + ":4:1: http.body_max: "), std::string::npos) << bad.words;
  EXPECT_NE(bad.words.find(at + ":6:1: service.two.type: 'demo' is no registered type"),
            std::string::npos)
      << bad.words;
  EXPECT_EQ(run(smd + folder_.path().string()).code, 78);
  EXPECT_EQ(run(std::string(SMD) + " --chek").code, 2);
  write("[http]\nlisten = '0.0.0.0:1'\n[queue]\nurl = 'mysql://h'\n[consumer.c]\n");
  auto addresses = run(smd + file().string());
  EXPECT_EQ(addresses.code, 78);
  for (auto* words : {":2:1: http.listen: '0.0.0.0:1' can be reached from other hosts",
                      ":4:1: queue.url: 'mysql://h' is no queue",
                      ":5:11: consumer.c: this program knows no type of job"})
    EXPECT_NE(addresses.words.find(words), std::string::npos) << words << addresses.words;
  auto variables = run("SM_HTTP__BODY_MX=1 SM_HTTP__HEADER_MAX=x " + std::string(SMD) + " --check");
  EXPECT_EQ(variables.code, 2);
  for (auto* name : {"SM_HTTP__BODY_MX", "SM_HTTP__HEADER_MAX"})
    EXPECT_NE(variables.words.find(name), std::string::npos) << variables.words;
}

TEST_F(configuration_fixture, a_flag_wins_over_the_environment_and_that_over_the_file) {
  write(
      "[http]\nbody_max = 1000\nheader_max = 1000\nbodies_max = 1000\n[manager]\nlog_level = "
      "'info'\n");
  app.emplace(SMD,
              std::vector<std::string>{"--config", file().string(), "--set", "http.body_max=3000"},
              std::vector<std::string>{"SM_HTTP__BODY_MAX=2000", "SM_HTTP__HEADER_MAX=2000"});
  write("[http]\nbody_max = 1\nheader_max = 1\nbodies_max = 2\n");
  auto planned = plan();
  EXPECT_TRUE(row(planned, "http.body_max").is_null()) << planned;
  EXPECT_TRUE(row(planned, "http.header_max").is_null()) << planned;
  EXPECT_EQ(row(planned, "http.bodies_max")["fields"][0]["before"], "1000") << planned;
}

TEST_F(configuration_fixture, a_section_tunes_a_service_of_the_programs_own) {
  start("[service.a]\ninstances = 2\nparams = { tuned = true }\n", {}, TEST_PROGRAM);
  auto a = app->service("a");
  EXPECT_EQ(a["origin"], "file");
  EXPECT_EQ(a["instances"]["ready"], 2);
  EXPECT_EQ(app->service("b")["origin"], "code");
  write("");
  ASSERT_EQ(apply().status, 200);
  EXPECT_EQ(app->service("a")["origin"], "code");
  EXPECT_EQ(app->service("a")["instances"]["desired"], 1);
}

// -- executed anew

TEST_F(configuration_fixture, a_manager_that_executes_its_file_anew_keeps_all_pids_and_its_port) {
  auto copy = folder_.path() / "smd";
  std::filesystem::copy_file(SMD, copy);
  start(three_services, {}, copy.string());
  auto before = pids();
  auto port = app->port();
  for (int round = 0; round < 3; ++round) {
    // Another file of the same content, as a package manager puts it there.
    std::filesystem::copy_file(SMD, folder_.path() / "next");
    std::filesystem::rename(folder_.path() / "next", copy);
    auto answer = app->api("POST", "/v1/daemon/reexec");
    ASSERT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(answer.document()["pid"], app->pid());
    ASSERT_TRUE(eventually([&] {
      try {
        return std::filesystem::equivalent("/proc/" + std::to_string(app->pid()) + "/exe", copy) &&
               app->all_ready();
      } catch (const std::exception&) {
        return false;
      }
    }));
    EXPECT_TRUE(eventually([&] { return pids() == before; }));
    EXPECT_EQ(http_connection(port).request("GET", "/healthz").status, 200);
  }
  auto family = app->descendants();
  EXPECT_EQ(app->stop(), 0);
  for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
}

TEST_F(configuration_fixture, no_request_is_refused_while_the_manager_executes_its_file_anew) {
  start(three_services);
  auto answer = app->api("POST", "/v1/daemon/reexec");
  ASSERT_EQ(answer.status, 202);
  // The socket is there all the time: who connects waits for the next run.
  for (int i = 0; i < 50; ++i)
    EXPECT_NO_THROW({
      http_connection c(app->port());
      EXPECT_TRUE(c.fd() >= 0);
    });
  EXPECT_TRUE(eventually([&] { return app->all_ready(); }));
}

TEST_F(configuration_fixture, a_file_that_would_not_start_is_not_executed) {
  auto copy = folder_.path() / "smd";
  std::filesystem::copy_file(SMD, copy);
  start(three_services, {}, copy.string());
  auto before = pids();
  std::ofstream(folder_.path() / "next") << "#!/bin/sh\necho no such option >&2\nexit 3\n";
  std::filesystem::permissions(folder_.path() / "next", std::filesystem::perms::owner_all);
  std::filesystem::rename(folder_.path() / "next", copy);
  auto answer = app->api("POST", "/v1/daemon/reexec");
  EXPECT_EQ(answer.status, 409);
  EXPECT_NE(answer.body.find("ends with 3: no such option"), std::string::npos) << answer.body;
  EXPECT_EQ(pids(), before);
  write("[service.one\n");
  std::filesystem::copy_file(SMD, copy, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(app->api("POST", "/v1/daemon/reexec").status, 409) << "it would refuse its file";
  write("[queue]\nurl = 'mysql://h'\n");
  answer = app->api("POST", "/v1/daemon/reexec");
  EXPECT_EQ(answer.status, 409) << "it would refuse its queue";
  EXPECT_NE(answer.body.find("queue.url"), std::string::npos) << answer.body;
  EXPECT_EQ(pids(), before);
}

TEST_F(configuration_fixture, what_nobody_would_move_when_it_is_due_is_refused) {
  start(three_services);
  auto refused = app->api("POST", "/v1/jobs", R"({"type": "Mail", "delay": "1h"})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.body.find("[queue]"), std::string::npos) << refused.body;
  auto schedule = R"({"name": "daily", "cron": "@daily", "type": "Mail"})";
  EXPECT_EQ(app->api("POST", "/v1/schedules", schedule).status, 409);
  EXPECT_EQ(app->api("POST", "/v1/jobs", R"({"type": "Mail"})").status, 201);
  write(three_services + "[queue]\n");
  EXPECT_EQ(apply().status, 200);
  EXPECT_EQ(app->api("POST", "/v1/jobs", R"({"type": "Mail", "delay": "1h"})").status, 201);
  EXPECT_EQ(app->api("POST", "/v1/schedules", schedule).status, 201);
}

// -- with sockets of who starts it

TEST_F(configuration_fixture, sockets_of_a_socket_unit_are_served) {
  write("");
  auto unit = folder_.path() / "unit";
  auto extra = (folder_.path() / "extra.sock").string();
  std::ofstream(unit)
      << "#!/usr/bin/python3\n"
         "import os, socket, sys\n"
         "tcp = socket.create_server(('127.0.0.1', 0)); port = tcp.getsockname()[1]\n"
         "unix = socket.socket(socket.AF_UNIX); unix.bind('"
      << extra
      << "'); unix.listen()\n"
         "a, b = os.dup(tcp.fileno()), os.dup(unix.fileno())\n"
         "a, b = (os.dup2(a, 20), os.dup2(b, 21))\n"
         "os.dup2(a, 3); os.dup2(b, 4)\n"
         "os.environ.update(LISTEN_FDS='2', LISTEN_PID=str(os.getpid()))\n"
         "print(port, file=open('"
      << (folder_.path() / "port").string() << "', 'w'), flush=True)\n"
      << "os.execv('" << SMD << "', ['" << SMD << "'] + sys.argv[1:])\n";
  std::filesystem::permissions(unit, std::filesystem::perms::owner_all);
  app.emplace(unit.string(), std::vector<std::string>{"--config", file().string()});
  int port = 0;
  std::ifstream(folder_.path() / "port") >> port;
  EXPECT_EQ(app->port(), port);
  EXPECT_EQ(app->get("/healthz").status, 200);
  EXPECT_EQ(http_connection(extra).request("GET", "/v1/services").status, 200);
  EXPECT_EQ(app->api("GET", "/v1/services").status, 200);
}

// -- in a container

class container_fixture : public configuration_fixture {
 protected:
  static bool namespaces_allowed() { return run("unshare --pid --fork true").code == 0; }
};

TEST_F(container_fixture, as_pid_1_it_collects_what_ends_and_stops_within_its_time) {
  if (!namespaces_allowed()) GTEST_SKIP() << "no PID namespaces for us";
  // The script leaves a child behind that ends as an orphan, within the namespace.
  write(
      "[service.orphans]\nrestart = 'never'\n"
      "command = ['sh', '-c', '(setsid sh -c \"sleep 0.2\" &) ; exec sleep 1005']\n"
      "[service.deaf]\ncommand = ['sh', '-c', \"trap '' TERM; while :; do sleep 0.1; done\"]\n"
      "stop_timeout = '1s'\n");
  auto wrapper = folder_.path() / "container";
  std::ofstream(wrapper) << "#!/bin/sh\nexec unshare --pid --fork --kill-child --mount-proc " << SMD
                         << " \"$@\"\n";
  std::filesystem::permissions(wrapper, std::filesystem::perms::owner_all);
  app.emplace(wrapper.string(), std::vector<std::string>{"--config", file().string()});
  ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  EXPECT_EQ(app->service("deaf")["instance_list"][0]["state"], "RUNNING");
  pid_t manager = 0;
  for (auto pid : app->descendants()) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("NSpid:") && line.ends_with("\t1")) manager = pid;
  }
  ASSERT_GT(manager, 0);
  // Somebody enters the container, and leaves two orphans behind: one ends, one goes on.
  auto over = folder_.path() / "over";
  run("nsenter -t " + std::to_string(manager) + " -p -- sh -c '(sh -c \"sleep 0.1; touch " +
      over.string() + "\" &) ; (setsid sleep 1007 &)' >/dev/null");
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(over); }));
  auto zombies = [&] {
    return run("ps --no-headers -o stat --ppid " + std::to_string(manager)).words.find('Z') !=
           std::string::npos;
  };
  EXPECT_TRUE(eventually([&] { return !zombies(); }, 5s));
  EXPECT_EQ(run("pgrep -f '^sleep 1007$'").code, 0) << "what is not ours is left alone";
  ::kill(manager, SIGTERM);
  EXPECT_EQ(app->wait(9s), 0);
}

}  // namespace sm::test
