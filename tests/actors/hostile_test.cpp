// A program under hostile documents: in its queue on both stores, on HTTP, on the link socket and
// in its state file. None of its processes ends of them, and nothing is lost.
#include <SQLiteCpp/SQLiteCpp.h>

#include "hostile_documents.hpp"
#include "process/fork_server.hpp"
#include "process/rendezvous.hpp"
#include "queue/job_store.hpp"
#include "queue/payload.hpp"
#include "queue_fixture.hpp"
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

constexpr std::size_t small = 4096;  // of documents that are put in many places

int restarts(const program& app, const std::string& service) {
  return app.service(service).value("restarts", -1);
}

}  // namespace

class hostile_queue_fixture : public queue_fixture {};

INSTANTIATE_TEST_SUITE_P(on, hostile_queue_fixture, ::testing::Values("sqlite", "redis"),
                         [](auto& p) { return std::string(p.param); });

TEST_P(hostile_queue_fixture, every_hostile_job_is_dead_with_a_reason_and_its_bytes) {
  start({{"concurrency", 2}, {"queues", json::array({"default"})}});
  auto manager = app->pid();
  auto store = open_job_store(url(), {});
  ASSERT_TRUE(store);
  std::size_t jobs = 0;
  auto add = [&](const std::string& payload, const std::string& status = {}, int delay_ms = 0) {
    auto id = "h" + std::to_string(jobs++);
    std::vector<new_job> one{{.id = id, .queue = "default", .payload = payload, .status = status}};
    if (delay_ms > 0)
      one[0].run_at_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count() +
                         delay_ms;
    auto stored = (*store)->enqueue(one, 5s);
    ASSERT_TRUE(stored) << to_string(stored.error());
  };
  for (auto& hostile : hostile_documents()) {
    add(hostile.text, hostile.text);
    add(R"({"class":)" + hostile.text + R"(,"args":[]})");
    add(R"({"class":"None","args":[)" + hostile.text + R"(],"id":"n)" + std::to_string(jobs) +
            "\"}",
        {}, hostile.text.size() < small ? 100 : 0);
    ASSERT_TRUE((*store)->put_schedule({"hostile." + hostile.name, hostile.text, 0}, false));
    if (hostile.text.size() >= small) continue;
    ASSERT_TRUE((*store)->put_schedule(
        {"field." + hostile.name,
         R"({"name":"x","declared_by":)" + hostile.text + R"(,"timezone":)" + hostile.text + "}",
         0},
        false));
  }
  const std::string beyond = R"({"class":"Work","args":[{"v":1e400}],"id":"x"})";
  add(beyond);
  // Of these no consumer takes one, so that all can be listed.
  std::size_t kept = 0;
  for (auto& hostile : hostile_documents()) {
    auto id = "kept" + std::to_string(kept++);
    std::vector<new_job> one{{.id = id, .queue = "kept", .payload = hostile.text}};
    ASSERT_TRUE((*store)->enqueue(one, 5s));
  }
  auto listed = get("/v1/queues/kept/jobs?limit=1000");
  EXPECT_EQ(listed["jobs"].size(), kept) << listed.dump(1).substr(0, 2000);
  EXPECT_TRUE(eventually([&] { return get("/v1/queues")["dead"] == jobs; }, 100s))
      << get("/v1/queues").dump(1) << " of " << jobs;
  // In pages: with sanitizers all of them at once are made for longer than a client waits.
  constexpr std::size_t page = 50;
  for (std::size_t shown = 0; shown < jobs; shown += page) {
    auto listing = get("/v1/failed?limit=50&offset=" + std::to_string(shown));
    EXPECT_EQ(listing["failed"].size(), std::min(page, jobs - shown)) << "from " << shown;
  }
  for (auto* target : {"/v1/queues/default/jobs", "/v1/schedules", "/v1/jobs?state=running",
                       "/v1/queues", "/metrics"})
    EXPECT_EQ(app->api("GET", target).status, 200) << target;
  auto id =
      std::string(GetParam()) == "redis" ? key_of_job(beyond) : "h" + std::to_string(jobs - 1);
  auto job = get("/v1/failed/" + id);
  EXPECT_EQ(job["payload"], beyond);
  EXPECT_EQ(job["type"], "Work") << "what can be shown is shown";
  EXPECT_NE(job["error"].get<std::string>().find("beyond the range"), std::string::npos);
  EXPECT_EQ(app->pid(), manager);
  EXPECT_TRUE(alive(manager));
  EXPECT_EQ(restarts(*app, "consumer.default"), 0);
  EXPECT_EQ(restarts(*app, "queue.clock"), 0);
  put("Work", work(7));
  EXPECT_TRUE(comes("end 7")) << "and the queue goes on";
}

class hostile_fixture : public supervision_fixture {};

TEST_F(hostile_fixture, what_is_thrown_where_nobody_waits_is_logged_and_the_service_lives_on) {
  auto pid = app.instance_pid("a");
  for (std::string place : {"a timer", "a timer that repeats", "a continuation"}) {
    EXPECT_EQ(call("a", "throw_in", place)["result"], nullptr);
    EXPECT_TRUE(eventually([&] {
      return app.log_of("a:0").find("thrown in " + place + "\"") != std::string::npos;
    })) << app.log_of("a:0");
  }
  EXPECT_EQ(call("a", "pid")["result"], pid);
  EXPECT_EQ(app.service("a")["restarts"], 0);
}

TEST_F(hostile_fixture, no_body_of_http_is_a_500) {
  auto pid = app.pid();
  const std::vector<std::pair<std::string, std::string>> targets{
      {"POST", "/v1/services"},
      {"PATCH", "/v1/services/b"},
      {"POST", "/v1/services/b/scale"},
      {"POST", "/v1/services/b/signal"},
      {"POST", "/v1/services/b/commands/echo"},
      {"POST", "/v1/services/b/commands/add"},
      {"POST", "/v1/commands/add?select=b"},
      {"POST", "/v1/jobs"},
      {"POST", "/v1/queues/default/jobs"},
      {"PUT", "/v1/queues/default"},
      {"PATCH", "/v1/queues/default"},
      {"POST", "/v1/jobs/import"},
      {"POST", "/v1/failed/remove"},
      {"POST", "/v1/schedules"},
      {"PUT", "/v1/schedules/x"}};
  for (auto& hostile : hostile_documents())
    for (auto& [method, target] : targets) {
      auto status = app.api(method, target, hostile.text).status;
      EXPECT_TRUE(status >= 200 && status < 500) << method << target << hostile.name << status;
    }
  for (auto& hostile : hostile_documents()) {
    if (hostile.text.size() > small) continue;
    for (auto* field : {"name", "params", "instances", "env", "backoff", "command", "tags"})
      EXPECT_LT(
          app.api("POST", "/v1/services", "{\"" + std::string(field) + "\":" + hostile.text + "}")
              .status,
          500)
          << field << hostile.name;
    auto point = app.connect().request("POST", "/point", R"({"y":1,"x":)" + hostile.text + "}");
    EXPECT_LT(point.status, 500) << hostile.name;
  }
  for (auto* number : {"1e400", "18446744073709551616"}) {
    auto echoed = app.api("POST", "/v1/services/b/commands/echo", number);
    EXPECT_EQ(echoed.status, 400) << number << echoed.body;
  }
  EXPECT_EQ(app.api("PATCH", "/v1/services/b",
                    json{{"params", {{"x", std::string(700'000, 'x')}}}}.dump())
                .document()["where"],
            "/params");
  EXPECT_EQ(app.pid(), pid);
  EXPECT_EQ(restarts(app, "b"), 0);
  EXPECT_EQ(call("b", "add", {{"x", 1}, {"y", 2}})["result"], 3);
}

TEST_F(hostile_fixture, no_greeting_on_the_link_socket_ends_the_manager) {
  auto path = app.state() / "link.sock";
  auto said = [&](const std::string& greeting) {
    http_connection stranger(path.string());
    stranger.send(greeting + "\n");
    try {
      return stranger.receive_until("\n");
    } catch (const std::exception&) {
      return std::string("nothing");
    }
  };
  for (auto& hostile : hostile_documents()) {
    if (hostile.text.size() > small || hostile.text.find('\n') != std::string::npos) continue;
    for (auto& greeting : {hostile.text, R"({"role":)" + hostile.text + "}",
                           R"({"role":"service","instance":)" + hostile.text + "}",
                           R"({"role":"forks","token":)" + hostile.text + "}"})
      EXPECT_EQ(said(greeting).find(R"("refusal":"")"), std::string::npos) << greeting;
  }
  auto ours = make_fork_channel();
  ASSERT_TRUE(ours);
  auto stranger =
      dial_manager(path, {{"role", "forks"}, {"children", json::array()}}, {ours->second.get()});
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, errc::conflict);
  EXPECT_EQ(app.get("/gather").document()["complete"], true);
}

TEST_F(hostile_fixture, no_message_of_a_fork_server_ends_the_manager) {
  std::string token;
  std::ifstream(app.state() / "forks") >> token;
  for (auto& hostile : hostile_documents()) {
    if (hostile.text.empty() || hostile.text.size() > small) continue;
    for (auto& text : {hostile.text, R"({"incarnation":)" + hostile.text + "}",
                       R"({"gone":)" + hostile.text + "}"}) {
      auto channel = make_fork_channel();
      ASSERT_TRUE(channel);
      json greeting{{"role", "forks"}, {"token", token}, {"children", json::array()}};
      auto link = dial_manager(app.state() / "link.sock", greeting, {channel->second.get()});
      ASSERT_TRUE(link) << to_string(link.error());
      ASSERT_TRUE(send_with_fds(channel->first.get(), text, {}, 0));
    }
  }
  EXPECT_EQ(app.get("/gather").document()["complete"], true);
}

TEST_F(hostile_fixture, rows_of_the_state_file_that_do_not_fit_are_set_aside_and_the_rest_starts) {
  ASSERT_EQ(add(tool_named("kept")).status, 201);
  ASSERT_EQ(app.stop(), 0);
  std::size_t broken = 0;
  {
    SQLite::Database db((app.state() / "state.db").string(), SQLite::OPEN_READWRITE);
    SQLite::Statement put(db, "INSERT INTO service VALUES(?, ?, ?, 1, 0)");
    auto add_row = [&](const std::string& name, const std::string& spec, const char* declared) {
      put.reset();
      put.clearBindings();
      put.bind(1, name);
      put.bind(2, spec);
      if (declared) put.bind(3, declared);
      put.exec();
      ++broken;
    };
    for (auto& hostile : hostile_documents()) add_row("row-" + hostile.name, hostile.text, nullptr);
    for (auto& hostile : hostile_documents())
      if (hostile.text.size() < small)
        add_row("field-" + hostile.name,
                R"({"type":"tool","params":)" + hostile.text + R"(,"name":"field-)" + hostile.name +
                    R"(","instances":)" + hostile.text + "}",
                nullptr);
    add_row("gone", R"({"name":"gone","type":"of-another-program"})", nullptr);
    SQLite::Statement journal(db, "INSERT INTO instance VALUES(?, ?, 1, 1, ?, 't', 0, ?)");
    std::string boot;
    std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
    auto add_instance = [&](const std::string& name, std::int64_t pid, const std::string& spec) {
      journal.reset();
      journal.bind(1, name);
      journal.bind(2, pid);
      journal.bind(3, boot);
      journal.bind(4, spec);
      journal.exec();
    };
    add_instance("kept:4000000000", 99'999, R"({"name":"kept","type":"tool"})");
    add_instance("kept:1", -1, R"({"name":"kept","type":"tool"})");
    add_instance("kept:2", 1, R"({"name":"kept","type":"tool"})");
    add_instance("kept:3", 99'999, R"({"name":"kept","v":1e400})");
  }
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_TRUE(reaches("kept", "RUNNING"));
  auto gone = app.service("gone");
  EXPECT_EQ(gone["state"], "FATAL");
  EXPECT_NE(gone["reason"].get<std::string>().find("of-another-program"), std::string::npos);
  EXPECT_NE(app.log_of("manager").find("the stored service gone is set aside"), std::string::npos);
  EXPECT_EQ(add(tool_named("gone")).status, 409);
  EXPECT_EQ(app.api("DELETE", "/v1/services/gone?wait=5s").status, 200);
  EXPECT_EQ(add(tool_named("gone")).status, 201);
  ASSERT_EQ(app.stop(), 0);
  SQLite::Database db((app.state() / "state.db").string());
  EXPECT_EQ(static_cast<std::size_t>(
                db.execAndGet("SELECT count(*) FROM service WHERE name LIKE 'row-%' OR "
                              "name LIKE 'field-%'")
                    .getInt()),
            broken - 1)
      << "nothing was deleted";
}

TEST_F(hostile_fixture, what_a_service_prints_is_shown_as_it_is) {
  ASSERT_EQ(
      add({{"name", "go"},
           {"command",
            {"sh", "-c", R"(echo '{"ts":1764340000.25,"level":"info","msg":"zap"}'; sleep 1000)"}}})
          .status,
      201);
  auto shows = [&](const std::string& target, const std::string& text) {
    return eventually([&] { return app.api("GET", target).body.find(text) != std::string::npos; });
  };
  EXPECT_TRUE(shows("/v1/services/go/logs?stream=stdout", R"("ts":1764340000.25)"));
  std::ofstream out(app.state() / "log" / "a:0.log", std::ios::app);
  for (auto& hostile : hostile_documents())
    if (hostile.text.size() < small && hostile.text.find('\n') == std::string::npos)
      out << "{\"ts\":" << hostile.text << ",\"level\":\"info\"}\n" << hostile.text << "\n";
  out << "{\"ts\":1764340000.25,\"level\":\"info\",\"msg\":\"the end\"}\n" << std::flush;
  EXPECT_TRUE(shows("/v1/services/a/logs?lines=1000", R"({"ts":1764340000.25,"level":"info")"));
  EXPECT_EQ(app.api("GET", "/healthz").status, 200);
}

}  // namespace sm::test
