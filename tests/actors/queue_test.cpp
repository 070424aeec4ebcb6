// Jobs on their way through producer, store and consumer processes, on both stores.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sm/queue.hpp>
#include <sstream>

#include "program.hpp"
#include "redis_server.hpp"

namespace sm::test {
using namespace std::chrono_literals;
namespace {

class queue_fixture : public ::testing::TestWithParam<const char*> {
 protected:
  queue_fixture() {
    if (std::string_view(GetParam()) == "redis") redis.emplace();
  }

  /// Starts the program with a consumer as `consumer` says.
  void start(const json& consumer = json::object(), std::vector<std::string> environment = {}) {
    environment.push_back("TEST_CONSUMER=" + consumer.dump());
    std::vector<std::string> arguments{"--set", "queue.cancel_grace=300ms", "--set",
                                       "queue.lease=" + lease};
    if (redis) arguments.insert(arguments.end(), {"--set", "queue.url=" + redis->url()});
    app.emplace(TEST_PROGRAM, arguments, environment);
    ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
    outside.emplace(url());
  }
  std::string url() const {
    return redis ? redis->url() : "sqlite:" + (app->state() / "queue.db").string();
  }
  std::string file() const { return (folder.path() / "work").string(); }
  json work(int number, const std::string& mood = "", int ms = 0) const {
    return {{"file", file()}, {"number", number}, {"mood", mood}, {"ms", ms}};
  }
  job_id put(const std::string& type, const json& argument, enqueue_options options = {}) {
    auto id = outside->enqueue(type, argument, std::move(options)).wait_for(5s);
    EXPECT_TRUE(id) << to_string(id.error());
    return id ? *id : job_id{};
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::ifstream in(file());
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  /// How many lines begin with `what`.
  long count(const std::string& what) const {
    auto all = lines();
    return std::count_if(all.begin(), all.end(), [&](auto& l) { return l.starts_with(what); });
  }
  bool comes(const std::string& what, long times = 1) {
    return eventually([&] { return count(what) >= times; });
  }
  json get(const std::string& target) const { return app->api("GET", target).document(); }
  json dead() const { return get("/v1/failed")["failed"]; }
  json queue_of(const std::string& name) const { return get("/v1/queues/" + name); }
  pid_t consumer(std::size_t index = 0) const {
    return app->instance_pid("consumer.default", index);
  }

  std::string lease = "30s";
  std::optional<redis_server> redis;
  temporary_folder folder;
  std::optional<program> app;
  std::optional<queue> outside;
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(on, queue_fixture, ::testing::Values("sqlite", "redis"),
                         [](auto& p) { return std::string(p.param); });

TEST_P(queue_fixture, jobs_from_a_service_a_route_and_another_program_are_performed) {
  start();
  auto note = [&](int n) { return json{{"file", file()}, {"number", n}, {"mood", ""}}; };
  auto from_service = app->api("POST", "/v1/services/a/commands/note", note(1).dump());
  EXPECT_EQ(from_service.document()["result"].get<std::string>().size(), 32U) << from_service.body;
  EXPECT_EQ(app->connect().request("POST", "/jobs", note(2).dump()).status, 200);
  put("Note", note(3));
  ASSERT_TRUE(eventually([&] { return lines().size() == 3; }));
  EXPECT_NE(app->log_of("consumer.default:0").find("performing Note"), std::string::npos);
  EXPECT_EQ(get("/v1/queues")["processed"], 3);
}

TEST_P(queue_fixture, a_job_that_fails_is_tried_again_and_is_dead_when_it_failed_too_often) {
  start();
  put("Work", work(1, "fail_once"));
  ASSERT_TRUE(comes("end 1"));
  EXPECT_EQ(count("begin 1 "), 2);
  auto id = put("Work", work(2, "fail"));
  ASSERT_TRUE(eventually([&] { return dead().size() == 1; }));
  EXPECT_EQ(count("begin 2 "), 3);
  auto record = dead()[0];
  EXPECT_EQ(record["id"], id);
  EXPECT_EQ(record["error"], "no mood for 2");
  EXPECT_EQ(record["exception"], "std::exception");
  EXPECT_EQ(record["args"][0]["number"], 2);
  auto log = app->log_of("consumer.default:0");
  EXPECT_NE(log.find("hook: failed: no mood for 2"), std::string::npos);
  EXPECT_NE(log.find("hook: " + id + " is dead"), std::string::npos);
  EXPECT_EQ(app->api("POST", "/v1/failed/" + id + "/requeue").document()["requeued"], 1);
  ASSERT_TRUE(eventually([&] { return count("begin 2 ") == 6 && dead().size() == 1; }));
  EXPECT_EQ(app->api("POST", "/v1/failed/remove", R"({"all": true})").document()["removed"], 1);
  EXPECT_TRUE(dead().empty());
}

TEST_P(queue_fixture, what_no_try_can_mend_is_dead_at_once_and_stops_no_consumer) {
  start();
  put("NoSuchType", {{"a", 1}});
  put("Work", {{"file", 7}});
  if (redis) {
    redis->cli({"RPUSH", "resque:queue:default", "no JSON"});
    redis->cli({"RPUSH", "resque:queue:default", R"({"args":[]})"});
  }
  put("Work", work(1));
  ASSERT_TRUE(comes("end 1"));
  std::size_t expected = redis ? 4 : 2;
  ASSERT_TRUE(eventually([&] { return dead().size() == expected; }));
  EXPECT_EQ(dead()[0]["exception"], "sm::UnknownJobType");
  EXPECT_NE(dead()[0]["payload"].get<std::string>().find("NoSuchType"), std::string::npos);
  EXPECT_EQ(dead()[1]["exception"], "sm::bad_arguments");
  EXPECT_NE(dead()[1]["error"].get<std::string>().find("/file"), std::string::npos) << dead()[1];
  if (redis) {
    EXPECT_EQ(dead()[2]["payload"], "no JSON");
    EXPECT_EQ(dead()[2]["exception"], "sm::BadPayload");
    EXPECT_NE(dead()[3]["error"].get<std::string>().find("/class"), std::string::npos);
  }
}

TEST_P(queue_fixture, a_job_whose_consumer_is_killed_is_done_by_the_next_one_at_once) {
  start();
  put("Work", work(1, "", 800));
  ASSERT_TRUE(comes("begin 1"));
  ASSERT_EQ(::kill(consumer(), SIGKILL), 0);
  ASSERT_TRUE(comes("end 1")) << "long before its lease of 30 s runs out";
  EXPECT_EQ(count("begin 1 "), 2);
  EXPECT_EQ(count("end 1"), 1);
}

TEST_P(queue_fixture, a_job_that_kills_its_consumers_is_dead_and_takes_nobody_with_it) {
  start({{"concurrency", 4}});
  put("Work", work(1, "crash"));
  for (int i = 2; i <= 9; ++i) put("Work", work(i, "", 20));
  ASSERT_TRUE(eventually([&] { return count("end ") == 8; }));
  ASSERT_TRUE(eventually([&] { return dead().size() == 1; }));
  EXPECT_EQ(dead()[0]["exception"], "sm::LeaseExpired");
  EXPECT_EQ(count("begin 1 "), 3);
}

TEST_P(queue_fixture, consumers_scale_from_none_to_many_and_share_the_jobs) {
  start();
  auto scale = [&](int n) {
    return app->api("POST", "/v1/services/consumer.default/scale?wait=10s",
                    json{{"instances", n}}.dump());
  };
  ASSERT_EQ(scale(0).status, 200);
  std::vector<promise<job_id>> all;
  for (int i = 0; i < 200; ++i) all.push_back(outside->enqueue("Work", work(i)));
  for (auto& p : all) ASSERT_TRUE(p.wait_for(10s));
  EXPECT_EQ(queue_of("default")["ready"], 200);
  ASSERT_EQ(scale(4).document()["instances"]["ready"], 4);
  ASSERT_TRUE(eventually([&] { return count("end ") == 200; }));
  EXPECT_EQ(count("begin "), 200);
}

TEST_P(queue_fixture, a_consumer_that_is_stopped_finishes_its_job_or_hands_it_back_unharmed) {
  start({{"drain_ms", 1000}});
  put("Work", work(1, "", 500));
  ASSERT_TRUE(comes("begin 1"));
  ASSERT_EQ(app->api("POST", "/v1/services/consumer.default/stop?wait=10s").status, 200);
  EXPECT_EQ(count("end 1"), 1);
  EXPECT_EQ(app->api("POST", "/v1/services/consumer.default/start?wait=10s").status, 200);
  auto id = put("Work", work(2, "deaf", 20'000));
  ASSERT_TRUE(comes("begin 2"));
  ASSERT_EQ(app->api("POST", "/v1/services/consumer.default/stop?wait=10s").status, 200);
  auto job = get("/v1/jobs/" + id);
  EXPECT_EQ(job["state"], "ready") << job;
  EXPECT_EQ(job["attempt"], 1);
  if (redis) {
    EXPECT_EQ(redis->cli({"SMEMBERS", "resque:workers"}), "");
    EXPECT_EQ(redis->cli({"HKEYS", "resque:workers:heartbeat"}), "");
    EXPECT_EQ(redis->cli({"KEYS", "resque:worker:*"}), "");
    EXPECT_EQ(redis->cli({"KEYS", "resque:stat:*:*"}), "");
  }
}

TEST_P(queue_fixture, signals_mean_what_they_mean_to_a_resque_worker) {
  start();
  auto pid = consumer();
  // USR2 pauses, CONT resumes.
  ::kill(pid, SIGUSR2);
  ASSERT_TRUE(eventually([&] {
    return app->api("POST", "/v1/services/consumer.default/commands/status")
               .document()["result"]["paused"] == true;
  }));
  put("Work", work(1));
  put("Work", work(2, "", 100));
  EXPECT_EQ(queue_of("default")["ready"], 2);
  ::kill(pid, SIGCONT);
  ASSERT_TRUE(comes("end 2"));
  // USR1 kills the job, which has failed then, and goes on.
  put("Hasty", work(3, "", 0));
  put("Note", {{"file", file()}, {"number", 0}, {"mood", ""}});
  ASSERT_TRUE(comes("end 3"));
  put("Work", work(4, "", 60'000));
  ASSERT_TRUE(comes("begin 4 1 "));
  ::kill(pid, SIGUSR1);
  ASSERT_TRUE(comes("begin 4 2 ")) << "it is tried again";
  EXPECT_EQ(consumer(), pid);
  // QUIT ends after the job in hand, which here first must end.
  auto id = get("/v1/jobs?state=running")["jobs"][0]["id"].get<std::string>();
  EXPECT_EQ(app->api("DELETE", "/v1/jobs/" + id).status, 202);
  ASSERT_TRUE(eventually([&] { return get("/v1/jobs?state=running")["jobs"].empty(); }));
  put("Work", work(5, "", 500));
  ASSERT_TRUE(comes("begin 5"));
  ::kill(pid, SIGQUIT);
  ASSERT_TRUE(eventually([&] { return !alive(pid); }));
  EXPECT_EQ(count("end 5"), 1);
  ASSERT_TRUE(eventually([&] { return app->all_ready(); })) << "its policy starts it again";
  // TERM ends at once; what is in hand is another's at once.
  put("Work", work(6, "", 2'000));
  ASSERT_TRUE(comes("begin 6 1 "));
  pid = consumer();
  ::kill(pid, SIGTERM);
  ASSERT_TRUE(comes("begin 6 1 ", 2)) << "handed back uncounted";
  ASSERT_TRUE(comes("end 6"));
}

TEST_P(queue_fixture, a_job_over_its_timeout_is_asked_to_end_and_then_ended_with_its_process) {
  start({{"concurrency", 2}});
  put("Hasty", work(1, "", 60'000));
  ASSERT_TRUE(eventually([&] { return dead().size() == 1; }));
  EXPECT_EQ(dead()[0]["exception"], "sm::Timeout");
  auto pid = consumer();
  put("Work", work(2, "", 3'000));
  ASSERT_TRUE(comes("begin 2"));
  put("Hasty", work(3, "deaf", 60'000));
  ASSERT_TRUE(eventually([&] { return dead().size() == 2; }));
  EXPECT_EQ(dead()[1]["exception"], "sm::Timeout");
  ASSERT_TRUE(comes("begin 2 1 ", 2)) << "the other one was handed back, uncounted";
  EXPECT_NE(consumer(), pid);
  EXPECT_EQ(count("begin 3"), 1);
}

TEST_P(queue_fixture, isolated_jobs_run_in_processes_of_their_own) {
  start({{"isolate", true}, {"concurrency", 2}});
  auto pid = consumer();
  put("Work", work(1));
  put("Work", work(2, "exit"));
  put("Work", work(3, "chain"));
  put("Hasty", work(5, "deaf", 60'000));
  ASSERT_TRUE(comes("end 1") && comes("end 4"));
  ASSERT_TRUE(eventually([&] { return dead().size() == 2; })) << dead();
  std::set<std::string> errors;
  for (auto& d : dead()) errors.insert(d["exception"]);
  EXPECT_TRUE(errors.contains("sm::Timeout"));
  EXPECT_EQ(count("begin 2 "), 3) << "a process that ends badly is a crash";
  std::set<std::string> pids;
  for (auto& line : lines())
    if (line.starts_with("begin")) pids.insert(line.substr(line.rfind(' ')));
  EXPECT_EQ(pids.size(), static_cast<std::size_t>(count("begin")));
  EXPECT_EQ(consumer(), pid) << "the consumer lives on";
  EXPECT_EQ(app->stop(), 0);
  auto is_redis = [&](pid_t other) { return redis && other == redis->pid(); };
  EXPECT_TRUE(eventually([&] {
    auto left = app->descendants();
    return std::all_of(left.begin(), left.end(), is_redis);
  }));
}

TEST_P(queue_fixture, a_tracked_job_tells_its_progress_and_result) {
  start();
  auto id = put("Work", work(1, "progress", 1'000), {.track = true});
  ASSERT_TRUE(eventually([&] {
    auto job = get("/v1/jobs/" + id);
    return job["state"] == "running" &&
           job.value("progress", json::object()).value("text", "") == "half of it";
  })) << get("/v1/jobs/" + id);
  ASSERT_TRUE(eventually([&] { return get("/v1/jobs/" + id)["state"] == "done"; }));
  auto job = get("/v1/jobs/" + id);
  EXPECT_EQ(job["result"]["number"], 1);
  EXPECT_EQ(job["progress"], (json{{"share", 1.0}, {"text", "half of it"}}));
  EXPECT_EQ(app->api("GET", "/v1/jobs/none").status, 404);
}

TEST_P(queue_fixture, the_process_title_tells_what_a_consumer_works_on) {
  start();
  auto title = [&] {
    std::ifstream in("/proc/" + std::to_string(consumer()) + "/cmdline");
    std::string text;
    std::getline(in, text, '\0');
    return text;
  };
  EXPECT_EQ(title(), "sm consumer.default:0 resque-1: Waiting for *");
  put("Work", work(1, "", 1'500));
  ASSERT_TRUE(eventually([&] {
    return title().starts_with("sm consumer.default:0 resque-1: Processing default since ");
  })) << title();
  EXPECT_TRUE(title().ends_with(" [Work]")) << title();
  EXPECT_TRUE(eventually([&] { return title().ends_with("Waiting for *"); })) << title();
}

TEST_P(queue_fixture, metrics_tell_how_jobs_ended_whatever_becomes_of_their_consumers) {
  start();
  auto has = [&](const std::string& line) {
    return eventually([&] {
      return ("\n" + app->get("/metrics").body).find("\n" + line + "\n") != std::string::npos;
    });
  };
  auto ended = [](const std::string& outcome, int n) {
    return R"(sm_jobs_total{queue="default",type="Work",outcome=")" + outcome + "\"} " +
           std::to_string(n);
  };
  put("Work", work(1));
  put("Work", work(2, "fail_once"));
  EXPECT_TRUE(has(ended("done", 2))) << app->get("/metrics").body;
  EXPECT_TRUE(has(ended("retried", 1)));
  EXPECT_TRUE(has(R"(sm_job_duration_seconds_count{queue="default",type="Work"} 3)"));
  EXPECT_TRUE(has("sm_queue_up 1"));
  ASSERT_EQ(::kill(consumer(), SIGKILL), 0);
  put("Work", work(3));
  EXPECT_TRUE(has(ended("done", 3))) << "what the killed one had done counts, too";
  ASSERT_EQ(::kill(app->pid(), SIGKILL), 0);
  app->wait();
  app->start();
  EXPECT_TRUE(has(ended("done", 1))) << "the consumer that lives on tells the next manager";
  if (!redis) return;
  redis->kill(SIGKILL);
  EXPECT_TRUE(has("sm_queue_up 0"));
  EXPECT_TRUE(has(ended("done", 1)));
}

TEST_P(queue_fixture, delayed_jobs_run_when_they_are_due) {
  start();
  auto begin = std::chrono::steady_clock::now();
  auto id = put("Work", work(1), {.delay = 300ms});
  EXPECT_EQ(get("/v1/jobs/" + id)["state"], "delayed");
  ASSERT_TRUE(comes("end 1"));
  auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, 295ms);
  RecordProperty("late_ms", static_cast<int>((took - 300ms) / 1ms));
  auto never = put("Work", work(2), {.delay = 1h});
  EXPECT_EQ(app->api("DELETE", "/v1/jobs/" + never).document()["state"], "removed");
  EXPECT_EQ(app->api("GET", "/v1/jobs/" + never).status, 404);
}

TEST_P(queue_fixture, an_id_and_a_unique_key_make_one_job_of_many) {
  start();
  put("Work", work(1), {.id = "mine"});
  put("Work", work(1), {.id = "mine"});
  ASSERT_TRUE(comes("end 1"));
  EXPECT_EQ(put("Work", work(1), {.id = "mine"}), "mine");
  auto first = put("Work", work(2, "", 500), {.unique = {.key = "k"}});
  EXPECT_EQ(put("Work", work(2), {.unique = {.key = "k"}}), first);
  ASSERT_TRUE(comes("end 2"));
  ASSERT_TRUE(eventually([&] { return put("Work", work(2), {.unique = {.key = "k"}}) != first; }));
  ASSERT_TRUE(comes("end 2", 2));
  // Until it begins: the next may wait while it runs.
  uniqueness until_started{.key = "s", .held_until = uniqueness::until::started};
  auto running = put("Work", work(3, "", 1'000), {.unique = until_started});
  ASSERT_TRUE(comes("begin 3"));
  auto waiting = put("Work", work(4), {.unique = until_started});
  EXPECT_NE(waiting, running);
  EXPECT_EQ(put("Work", work(4), {.unique = until_started}), waiting);
  ASSERT_TRUE(comes("end 4"));
  EXPECT_EQ(count("end 1"), 1);
}

TEST_P(queue_fixture, queues_are_paused_limited_and_prioritised) {
  start({{"queues", {"high", "*", "!ignored"}}, {"concurrency", 3}});
  EXPECT_EQ(app->api("POST", "/v1/queues/*/pause").document()["paused"], true);
  put("Work", work(1), {.queue = "low"});
  put("Work", work(2), {.queue = "high"});
  put("Work", work(3), {.queue = "ignored"});
  put("Work", work(4), {.queue = "skipped"});
  EXPECT_EQ(get("/v1/queues")["paused"], true);
  EXPECT_EQ(lines().size(), 0U);
  app->api("POST", "/v1/queues/*/resume");
  ASSERT_TRUE(comes("end 1") && comes("end 2"));
  ASSERT_TRUE(eventually([&] { return get("/v1/queues")["processed"] == 3; }));
  EXPECT_EQ(count("begin 4"), 0) << "a hook skips it";
  EXPECT_EQ(queue_of("ignored")["ready"], 1);
  // One at a time.
  EXPECT_EQ(app->api("PATCH", "/v1/queues/one", R"({"concurrency": 1})").status, 200);
  for (int i = 10; i < 14; ++i) put("Work", work(i, "", 50), {.queue = "one"});
  ASSERT_TRUE(comes("end 1", 5));
  auto all = lines();
  int running = 0, most = 0;
  for (auto& line : all) {
    if (line.starts_with("begin 1") && line.size() > 9) most = std::max(most, ++running);
    if (line.starts_with("end 1") && line.size() > 5) --running;
  }
  auto in_turn = std::vector<std::string>(all.end() - 8, all.end());
  for (std::size_t i = 0; i < in_turn.size(); ++i)
    EXPECT_TRUE(in_turn[i].starts_with(i % 2 == 0 ? "begin" : "end")) << in_turn[i];
}

TEST_P(queue_fixture, the_number_of_consumers_follows_the_work) {
  start({{"min", 0}, {"max", 3}, {"latency_ms", 100}, {"cool_down_ms", 1000}});
  auto instances = [&] { return app->service("consumer.default")["spec"]["instances"]; };
  EXPECT_EQ(instances(), 0) << "nothing is to be done";
  for (int i = 0; i < 30; ++i) put("Work", work(i, "", 300));
  ASSERT_TRUE(eventually([&] { return instances() == 3; }));
  ASSERT_TRUE(eventually([&] { return count("end ") == 30; }));
  EXPECT_EQ(count("begin "), 30);
  ASSERT_TRUE(eventually([&] { return instances() == 0; }));
}

TEST_P(queue_fixture, a_schedule_fires_and_can_be_changed_over_http) {
  start(json::object(), {"TEST_SCHEDULE=* * * * * *", "TEST_SCHEDULE_FILE=" + file()});
  ASSERT_TRUE(comes("end 77", 2));
  auto shown = get("/v1/schedules/often");
  EXPECT_EQ(shown["cron"], "* * * * * *");
  EXPECT_GT(shown["next_ms"], shown["last_ms"]);
  EXPECT_EQ(app->api("DELETE", "/v1/schedules/often").status, 200);
  auto refused =
      app->api("POST", "/v1/schedules", R"({"name": "x", "cron": "0 0 30 2 *", "type": "Work"})");
  EXPECT_EQ(refused.status, 422);
  EXPECT_NE(refused.body.find("never fires"), std::string::npos) << refused.body;
  json nightly{{"name", "nightly"},
               {"cron", "0 3 * * *"},
               {"timezone", "Europe/Berlin"},
               {"type", "Work"},
               {"argument", work(5)}};
  EXPECT_EQ(app->api("POST", "/v1/schedules", nightly.dump()).status, 201);
  EXPECT_EQ(app->api("POST", "/v1/schedules/nightly/run").status, 200);
  ASSERT_TRUE(comes("end 5"));
}

TEST_P(queue_fixture, jobs_are_enqueued_listed_exported_and_imported_over_http) {
  start();
  app->api("POST", "/v1/queues/*/pause");
  auto one = app->api("POST", "/v1/jobs", json{{"type", "Work"}, {"argument", work(1)}}.dump());
  EXPECT_EQ(one.status, 201) << one.body;
  auto many = app->api("POST", "/v1/queues/bulk/jobs",
                       json{{"type", "Work"}, {"arguments", {work(2), work(3)}}}.dump());
  EXPECT_EQ(many.document()["ids"].size(), 2U) << many.body;
  for (auto& [body, where] : std::map<std::string, std::string>{
           {R"({"type": ""})", "/type"},
           {R"({"type": "Work", "queue": "a b"})", "/queue"},
           {R"({"type": "Work", "colour": 1})", "/colour"},
           {R"({"type": "Work", "delay": "soon"})", "/delay"},
           {R"({"type": "Work", "delay": "1h", "run_at_ms": 1})", "/delay"},
           {R"({"type": "Work", "argument": 1, "arguments": [1]})", "/argument"},
           {R"({"type": "Work", "unique": {}})", "/unique/key"},
           {R"({"type": "Work", "arguments": []})", "/arguments"}}) {
    auto refused = app->api("POST", "/v1/jobs", body);
    EXPECT_EQ(refused.status, 422) << body;
    EXPECT_EQ(refused.document()["where"], where) << refused.body;
  }
  EXPECT_EQ(get("/v1/jobs?state=ready&limit=2")["jobs"].size(), 2U);
  EXPECT_EQ(get("/v1/jobs?state=ready&limit=2")["next"], 2);
  http_connection c((app->state() / "sm.sock").string());
  c.send("GET /v1/jobs/export HTTP/1.1\r\nHost: x\r\n\r\n");
  c.receive_until("\r\n\r\n");
  std::string lines_out;
  for (int i = 0; i < 3; ++i) lines_out += c.receive_until("\n");
  EXPECT_EQ(std::count(lines_out.begin(), lines_out.end(), '\n'), 3) << lines_out;
  EXPECT_EQ(app->api("DELETE", "/v1/queues/bulk").document()["removed"], 2);
  EXPECT_EQ(app->api("DELETE", "/v1/queues/default").document()["removed"], 1);
  EXPECT_EQ(app->api("POST", "/v1/jobs/import", lines_out).document()["imported"], 3);
  auto broken = app->api("POST", "/v1/jobs/import", "\n{\"queue\":\"q\"}\n");
  EXPECT_EQ(broken.status, 422);
  EXPECT_NE(broken.body.find("line 2"), std::string::npos) << broken.body;
  app->api("POST", "/v1/queues/*/resume");
  ASSERT_TRUE(eventually([&] { return count("end ") == 3; }));
}

TEST_P(queue_fixture, events_tell_what_became_of_jobs) {
  start();
  put("Work", work(1));
  put("Work", work(2, "fail"));
  ASSERT_TRUE(eventually([&] { return dead().size() == 1; }));
  http_connection c((app->state() / "sm.sock").string());
  c.send("GET /v1/events?since=0&type=job.* HTTP/1.1\r\nHost: x\r\n\r\n");
  auto events = c.receive_until("event: job.dead");
  events += c.receive_until("\n\n");
  EXPECT_NE(events.find("event: job.done"), std::string::npos) << events;
  EXPECT_NE(events.find("event: job.retry"), std::string::npos);
  EXPECT_NE(events.find("event: job.dead"), std::string::npos);
  EXPECT_NE(events.find("no mood for 2"), std::string::npos);
}

TEST_P(queue_fixture, a_consumer_with_parameters_that_do_not_fit_is_refused_and_says_why) {
  start();
  for (auto& [params, where] :
       std::map<std::string, std::string>{{R"({"queues": "mail"})", "/params/queues"},
                                          {R"({"queues": ["a b"]})", "/params/queues"},
                                          {R"({"max": "many"})", "/params/max"},
                                          {R"({"concurrency": 0})", "/params/concurrency"},
                                          {R"({"latency": "soon"})", "/params/latency"}}) {
    auto refused =
        app->api("PATCH", "/v1/services/consumer.default", R"({"params": )" + params + "}");
    EXPECT_EQ(refused.status, 422) << params;
    EXPECT_EQ(refused.document()["where"], where) << refused.body;
  }
  EXPECT_TRUE(app->all_ready());
  EXPECT_EQ(app->service("consumer.default")["spec"]["params"]["queues"], json::array({"*"}));
}

TEST_P(queue_fixture, a_consumer_that_was_stopped_past_its_lease_has_its_ack_refused) {
  lease = "1s";
  start({{"instances", 2}});
  put("Work", work(1, "deaf", 500));
  ASSERT_TRUE(comes("begin 1"));
  auto line = lines()[0];
  auto pid = std::stoi(line.substr(line.rfind(' ')));
  ::kill(pid, SIGSTOP);
  ASSERT_TRUE(comes("begin 1 2 ")) << "another consumer has it now";
  ASSERT_TRUE(comes("end 1"));
  ASSERT_TRUE(eventually([&] { return get("/v1/queues")["processed"] == 1; }));
  ::kill(pid, SIGCONT);
  ASSERT_TRUE(comes("end 1", 2));
  ASSERT_TRUE(eventually([&] {
    return (app->log_of("consumer.default:0") + app->log_of("consumer.default:1"))
               .find("came after their lease ran out") != std::string::npos;
  }));
  EXPECT_EQ(get("/v1/queues")["processed"], 1);
  EXPECT_EQ(get("/v1/queues")["failed"], 0);
}

TEST_P(queue_fixture, a_kill_of_the_manager_costs_no_job_and_the_clock_goes_on) {
  start({{"instances", 2}});
  put("Work", work(1, "", 600));
  put("Work", work(2), {.delay = 400ms});
  ASSERT_TRUE(comes("begin 1"));
  app->signal(SIGKILL);
  app->wait();
  ASSERT_TRUE(comes("end 1"));
  ASSERT_TRUE(comes("end 2")) << "delayed jobs become ready without a manager";
  app->start();
  ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  EXPECT_EQ(count("begin"), 2);
}

TEST_P(queue_fixture, json_nested_without_end_is_refused_and_harms_nobody) {
  start();
  auto deep = std::string(120'000, '[') + std::string(120'000, ']');
  EXPECT_EQ(app->api("POST", "/v1/jobs", R"({"type": "Work", "argument": )" + deep + "}").status,
            400);
  if (redis) {
    redis->cli(
        {"RPUSH", "resque:queue:default",
         R"({"class":"Work","args":)" + std::string(5000, '[') + std::string(5000, ']') + "}"});
    redis->cli({"SADD", "resque:queues", "default"});
    ASSERT_TRUE(eventually([&] { return get("/v1/queues")["dead"] == 1; }));
  }
  put("Work", work(1));
  ASSERT_TRUE(comes("end 1"));
}

}  // namespace sm::test
