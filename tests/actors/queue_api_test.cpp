// The queue over HTTP, on both stores.
#include "queue_fixture.hpp"

namespace sm::test {

class queue_api_fixture : public queue_fixture {};

INSTANTIATE_TEST_SUITE_P(on, queue_api_fixture, ::testing::Values("sqlite", "redis"),
                         [](auto& p) { return std::string(p.param); });

TEST_P(queue_api_fixture, metrics_tell_how_jobs_ended_whatever_becomes_of_their_consumers) {
  start();
  auto has = [&](const std::string& line) {
    return eventually([&] {
      return ("\n" + app->api("GET", "/metrics").body).find("\n" + line + "\n") !=
             std::string::npos;
    });
  };
  auto ended = [](const std::string& outcome, int n) {
    return R"(sm_jobs_total{queue="default",type="Work",outcome=")" + outcome + "\"} " +
           std::to_string(n);
  };
  put("Work", work(1));
  put("Work", work(2, "fail_once"));
  EXPECT_TRUE(has(ended("done", 2))) << app->api("GET", "/metrics").body;
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

TEST_P(queue_api_fixture, queues_are_paused_limited_and_prioritised) {
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
  EXPECT_EQ(app->api("PUT", "/v1/queues/one", R"({"concurrency": 1})").status, 200);
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

TEST_P(queue_api_fixture, a_schedule_fires_and_can_be_changed_over_http) {
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

TEST_P(queue_api_fixture, jobs_are_enqueued_listed_exported_and_imported_over_http) {
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

TEST_P(queue_api_fixture, events_tell_what_became_of_jobs) {
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
  // Not one for each of many: the number of the others is told.
  ASSERT_TRUE(outside->enqueue_all("Noop", std::vector<json>(1'000, json())).wait_for(5s));
  events = c.receive_until("event: job.skipped");
  events += c.receive_until("\n\n");
  EXPECT_NE(events.find("\"count\":"), std::string::npos) << events;
}

TEST_P(queue_api_fixture, a_consumer_with_parameters_that_do_not_fit_is_refused_and_says_why) {
  start();
  for (auto& [params, where] :
       std::map<std::string, std::string>{{R"({"queues": "mail"})", "/params/queues"},
                                          {R"({"queues": ["a b"]})", "/params/queues"},
                                          {R"({"max": "many"})", "/params/max"},
                                          {R"({"concurrency": 0})", "/params/concurrency"},
                                          {R"({"latency": "soon"})", "/params/latency"},
                                          {R"({"latency": "0s"})", "/params/latency"},
                                          {R"({"max": -1})", "/params/max"},
                                          {R"({"max": 1001})", "/params/max"},
                                          {R"({"concurrency": 1.9})", "/params/concurrency"},
                                          {R"({"queues": ["!x"]})", "/params/queues"},
                                          {R"({"queues": []})", "/params/queues"},
                                          {R"({"colour": 1})", "/params/colour"}}) {
    auto refused =
        app->api("PATCH", "/v1/services/consumer.default", R"({"params": )" + params + "}");
    EXPECT_EQ(refused.status, 422) << params;
    EXPECT_EQ(refused.document()["where"], where) << refused.body;
  }
  EXPECT_TRUE(app->all_ready());
  EXPECT_EQ(app->service("consumer.default")["spec"]["params"]["queues"], json::array({"*"}));
}

TEST_P(queue_api_fixture, json_nested_without_end_is_refused_and_harms_nobody) {
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

TEST_P(queue_api_fixture, queues_are_made_changed_and_removed_by_name) {
  start();
  for (auto& [method, target] :
       std::vector<std::pair<std::string, std::string>>{{"POST", "/v1/queues/mial/pause"},
                                                        {"POST", "/v1/queues/mial/resume"},
                                                        {"PATCH", "/v1/queues/mial"},
                                                        {"DELETE", "/v1/queues/mial"},
                                                        {"GET", "/v1/queues/mial"}})
    EXPECT_EQ(app->api(method, target, "{}").status, 404) << method << " " << target;
  auto made = app->api("PUT", "/v1/queues/mail", R"({"rate": 5, "period": "1m"})");
  EXPECT_EQ(made.document()["limits"], (json{{"concurrency", 0}, {"rate", 5}, {"period", "1m"}}));
  auto changed = app->api("PATCH", "/v1/queues/mail", R"({"concurrency": 2})").document();
  EXPECT_EQ(changed["limits"], (json{{"concurrency", 2}, {"rate", 5}, {"period", "1m"}}));
  EXPECT_EQ(app->api("POST", "/v1/queues/mail/pause").status, 200);
  put("Work", work(1), {.queue = "mail"});
  put("Work", work(2), {.queue = "mail", .delay = 1h});
  EXPECT_EQ(app->api("DELETE", "/v1/queues/mail").document()["removed"], 2) << "delayed ones, too";
  EXPECT_TRUE(get("/v1/jobs?state=delayed")["jobs"].empty());
}

TEST_P(queue_api_fixture, what_does_not_fit_is_refused_with_its_place) {
  start();
  for (auto& [body, where] : std::map<std::string, std::string>{
           {R"({"type": "Work", "run_at_ms": 253402300799000})", "/run_at_ms"},
           {R"({"type": "Work", "delay": "900000h"})", "/delay"},
           {R"({"type": "Work", "id": "a b"})", "/id"},
           {R"({"type": "Work", "id": "a\"b"})", "/id"},
           {R"({"type": "Work", "id": "export"})", "/id"},
           {R"({"type": "Work", "unique": {"key": 5}})", "/unique/key"},
           {R"({"type": "Work", "unique": {"key": "x", "foo": 1}})", "/unique/foo"},
           {R"({"type": "Work", "unique": {"key": "x", "for": "soon"}})", "/unique/for"},
           {R"({"type": "Work", "unique": "x"})", "/unique"}}) {
    auto refused = app->api("POST", "/v1/jobs", body);
    EXPECT_EQ(refused.status, 422) << body;
    EXPECT_EQ(refused.document().value("where", ""), where) << refused.body;
  }
  for (auto& [target, where] :
       std::map<std::string, std::string>{{"/v1/jobs?stat=dead", "stat"},
                                          {"/v1/jobs?limit=0", "limit"},
                                          {"/v1/jobs?limit=1001", "limit"},
                                          {"/v1/jobs?offset=18446744073709551615", "offset"},
                                          {"/v1/jobs?queue=a%20b", "queue"},
                                          {"/v1/jobs?state=gone", "state"},
                                          {"/v1/failed?sort=1", "sort"},
                                          {"/v1/queues/%FF", "queue"}}) {
    auto refused = app->api("GET", target);
    EXPECT_EQ(refused.status, 422) << target << refused.body;
    EXPECT_EQ(refused.document().value("where", ""), where) << refused.body;
  }
  auto made = app->api("POST", "/v1/jobs", R"({"type": "Noop", "id": "c/d"})");
  EXPECT_EQ(made.headers["location"], "/v1/jobs/c%2Fd");
  EXPECT_EQ(app->api("GET", made.headers["location"]).status, 200);
}

TEST_P(queue_api_fixture, the_dead_are_found_requeued_and_removed_by_what_they_are) {
  start();
  for (int i = 0; i < 3; ++i) put("NoSuchType", {{"n", i}}, {.queue = "low"});
  put("Work", {{"file", 7}});
  ASSERT_TRUE(eventually([&] { return dead().size() == 4; }));
  EXPECT_EQ(get("/v1/failed?type=NoSuchType&limit=2")["failed"].size(), 2U);
  EXPECT_EQ(get("/v1/failed?type=NoSuchType&limit=2")["next"], 2);
  EXPECT_EQ(get("/v1/failed?type=NoSuchType&limit=2&offset=2")["next"], nullptr);
  EXPECT_EQ(get("/v1/failed?queue=default")["failed"].size(), 1U);
  EXPECT_EQ(get("/v1/failed?text=bad_arguments")["failed"].size(), 1U);
  auto act = [&](const std::string& verb, const json& which) {
    return app->api("POST", "/v1/failed/" + verb, which.dump());
  };
  EXPECT_EQ(act("remove", {{"type", "NoSuchType"}, {"queue", "default"}}).document()["removed"], 0);
  EXPECT_EQ(act("requeue", {{"text", "no job type"}}).document()["requeued"], 3);
  ASSERT_TRUE(eventually([&] { return get("/v1/queues")["failed"] == 7; })) << "they died again";
  EXPECT_EQ(act("remove", {{"queue", "low"}}).document()["removed"], 3);
  EXPECT_EQ(act("remove", {{"all", true}}).document()["removed"], 1);
  for (auto& bad : {json::object(), json{{"all", false}}, json{{"all", true}, {"queue", "q"}},
                    json{{"ids", json::array({"a"})}, {"all", true}}, json{{"colour", 1}}})
    EXPECT_EQ(act("requeue", bad).status, 422) << bad;
}

TEST_P(queue_api_fixture, a_page_is_bounded_by_its_bytes_and_says_where_the_next_begins) {
  start();
  app->api("POST", "/v1/queues/*/pause");
  std::vector<json> large(20, json{{"text", std::string(900'000, 'x')}});
  ASSERT_TRUE(outside->enqueue_all("Large", large).wait_for(20s));
  std::size_t seen = 0;
  for (json next = 0; !next.is_null();) {
    auto page = get("/v1/jobs?limit=1000&offset=" + next.dump());
    EXPECT_LE(page["jobs"].size(), 11U);
    ASSERT_FALSE(page["jobs"].empty());
    seen += page["jobs"].size();
    next = page["next"];
  }
  EXPECT_EQ(seen, 20U);
}

TEST_P(queue_api_fixture, a_schedule_is_made_once_and_replaced_by_put) {
  start();
  json nightly{{"name", "nightly"}, {"cron", "0 3 * * *"}, {"type", "Work"}};
  auto made = app->api("POST", "/v1/schedules", nightly.dump());
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.headers["location"], "/v1/schedules/nightly");
  EXPECT_EQ(app->api("POST", "/v1/schedules", nightly.dump()).status, 409);
  nightly.erase("name");
  nightly["cron"] = "0 4 * * *";
  EXPECT_EQ(app->api("PUT", "/v1/schedules/nightly", nightly.dump()).status, 200);
  EXPECT_EQ(get("/v1/schedules/nightly")["cron"], "0 4 * * *");
  nightly["name"] = "other";
  EXPECT_EQ(app->api("PUT", "/v1/schedules/nightly", nightly.dump()).document()["where"], "/name");
  nightly.erase("name");
  EXPECT_EQ(app->api("PUT", "/v1/schedules/weekly", nightly.dump()).status, 200) << "made by it";
  EXPECT_EQ(get("/v1/schedules")["schedules"].size(), 2U);
}

}  // namespace sm::test
