// Jobs on their way through producer, store and consumer processes, on both stores.
#include "queue_fixture.hpp"

namespace sm::test {

INSTANTIATE_TEST_SUITE_P(on, queue_fixture, ::testing::Values("sqlite", "redis"),
                         [](auto& p) { return std::string(p.param); });

/// What cannot happen to a file of SQLite.
class redis_queue : public queue_fixture {};
INSTANTIATE_TEST_SUITE_P(on, redis_queue, ::testing::Values("redis"),
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
  // A job has done its work before the store hears of it.
  EXPECT_TRUE(eventually([&] { return get("/v1/queues")["processed"] == 3; }));
}

TEST_P(redis_queue, a_store_that_lost_its_data_is_told_the_programs_schedules_again) {
  start(json::object(), {"TEST_SCHEDULE=@yearly", "TEST_SCHEDULE_FILE=/dev/null"});
  auto declared = [&] {
    auto all = get("/v1/schedules")["schedules"];
    return all.size() == 1 && all[0]["name"] == "often";
  };
  ASSERT_TRUE(eventually(declared));
  redis->cli({"FLUSHALL"});
  EXPECT_TRUE(eventually([&] {
    return app->log_of("queue.clock:0").find("the store has lost") != std::string::npos;
  }));
  EXPECT_TRUE(eventually(declared));
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
  hold();
  put("Work", work(1));
  ASSERT_TRUE(comes("begin 1"));
  ASSERT_EQ(::kill(consumer(), SIGKILL), 0);
  ASSERT_TRUE(comes("begin 1 ", 2)) << "long before its lease of 30 s runs out";
  let_go();
  ASSERT_TRUE(comes("end 1"));
  EXPECT_EQ(count("begin 1 "), 2);
  EXPECT_EQ(count("end 1"), 1);
}

TEST_P(queue_fixture, a_job_that_kills_its_consumers_is_dead_and_takes_nobody_with_it) {
  start({{"concurrency", 4}});
  put("Work", work(1, "crash"));
  for (int i = 2; i <= 9; ++i) put("Work", work(i, "", 20));
  // One that ended just before the kill, and could not say so, is done again.
  auto ended = [&] {
    std::set<std::string> ends;
    for (auto& line : lines())
      if (line.starts_with("end ")) ends.insert(line);
    return ends.size();
  };
  ASSERT_TRUE(eventually([&] { return ended() == 8; }));
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

TEST_P(queue_fixture, hooks_hear_of_failures_and_not_of_jobs_that_were_asked_to_end) {
  // In a process of its own a job is asked by a signal, and hears why beside it.
  bool isolate = redis.has_value();
  start({{"isolate", isolate}, {"drain_ms", 100}});
  auto log = [&] { return app->log_of("consumer.default:0"); };
  auto id = put("Once", work(1, "", 5'000));
  ASSERT_TRUE(comes("begin 1 "));
  EXPECT_EQ(app->api("DELETE", "/v1/jobs/" + id).status, 202);
  ASSERT_TRUE(eventually([&] { return get("/v1/queues/default")["running"] == 0; }));
  EXPECT_EQ(log().find("hook: "), std::string::npos) << log();
  put("Once", work(2, "", 1'000));
  ASSERT_TRUE(comes("begin 2 "));
  EXPECT_EQ(app->api("POST", "/v1/services/consumer.default/restart?wait=20s").status, 200);
  ASSERT_TRUE(comes("end 2"));
  EXPECT_EQ(log().find("hook: "), std::string::npos) << "it was handed back, and is done";
  auto late = put("Hasty", work(3, "", 5'000));
  ASSERT_TRUE(eventually([&] { return dead().size() == 1; }));
  EXPECT_EQ(dead()[0]["exception"], "sm::Timeout");
  EXPECT_TRUE(eventually([&] {
    return log().find("hook: " + late + " is dead") != std::string::npos;
  })) << log();
}

TEST_P(queue_fixture, arguments_that_a_field_cannot_hold_are_dead_with_the_field) {
  start();
  for (auto& bad : {json(1.9), json(true), json(4'294'967'298), json("1")})
    put("Work", {{"file", file()}, {"number", bad}});
  ASSERT_TRUE(eventually([&] { return dead().size() == 4; }));
  for (auto& record : dead()) {
    EXPECT_EQ(record["exception"], "sm::bad_arguments");
    EXPECT_NE(record["error"].get<std::string>().find("/number"), std::string::npos) << record;
  }
  EXPECT_TRUE(lines().empty());
}

TEST_P(queue_fixture, a_job_server_that_hangs_is_replaced) {
  start({{"isolate", true}});
  put("Work", work(1));
  ASSERT_TRUE(comes("end 1"));
  auto server = [&]() -> pid_t {
    for (auto pid : app->descendants()) {
      if (title_of(pid).ends_with("job server")) return pid;
    }
    return 0;
  }();
  ASSERT_GT(server, 0);
  ASSERT_EQ(::kill(server, SIGSTOP), 0);
  put("Work", work(2));
  ASSERT_TRUE(eventually([&] { return count("end 2") == 1; }, 20s))
      << "after the time that a fork is given";
  EXPECT_FALSE(alive(server));
}

TEST_P(queue_fixture, a_tracked_job_tells_its_progress_and_result) {
  start();
  hold();
  auto id = put("Work", work(1, "progress"), {.track = true});
  ASSERT_TRUE(eventually([&] {
    auto job = get("/v1/jobs/" + id);
    return job["state"] == "running" &&
           job.value("progress", json::object()).value("text", "") == "half of it";
  })) << get("/v1/jobs/" + id);
  let_go();
  ASSERT_TRUE(eventually([&] { return get("/v1/jobs/" + id)["state"] == "done"; }));
  auto job = get("/v1/jobs/" + id);
  EXPECT_EQ(job["result"]["number"], 1);
  EXPECT_EQ(job["progress"], (json{{"share", 1.0}, {"text", "half of it"}}));
  EXPECT_EQ(app->api("GET", "/v1/jobs/none").status, 404);
}

TEST_P(queue_fixture, the_process_title_tells_what_a_consumer_works_on) {
  start();
  auto title = [&] { return title_of(consumer()); };
  EXPECT_EQ(title(), "sm consumer.default:0 resque-1: Waiting for *");
  hold();
  put("Work", work(1));
  ASSERT_TRUE(eventually([&] {
    return title().starts_with("sm consumer.default:0 resque-1: Processing default since ");
  })) << title();
  EXPECT_TRUE(title().ends_with(" [Work]")) << title();
  let_go();
  EXPECT_TRUE(eventually([&] { return title().ends_with("Waiting for *"); })) << title();
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
  hold();
  auto first = put("Work", work(2, "", 500), {.unique = {.key = "k"}});
  EXPECT_EQ(put("Work", work(2), {.unique = {.key = "k"}}), first);
  let_go();
  ASSERT_TRUE(comes("end 2"));
  ASSERT_TRUE(eventually([&] { return put("Work", work(2), {.unique = {.key = "k"}}) != first; }));
  ASSERT_TRUE(comes("end 2", 2));
  // Until it begins: the next may wait while it runs.
  uniqueness until_started{.key = "s", .held_until = uniqueness::until::started};
  hold();
  auto running = put("Work", work(3), {.unique = until_started});
  ASSERT_TRUE(comes("begin 3"));
  auto waiting = put("Work", work(4), {.unique = until_started});
  EXPECT_NE(waiting, running);
  EXPECT_EQ(put("Work", work(4), {.unique = until_started}), waiting);
  let_go();
  ASSERT_TRUE(comes("end 4"));
  EXPECT_EQ(count("end 1"), 1);
}

TEST_P(queue_fixture, a_consumer_begins_from_none_for_a_queue_with_a_rate) {
  start({{"min", 0}, {"max", 3}, {"latency_ms", 100}});
  EXPECT_EQ(app->api("PUT", "/v1/queues/slow", R"({"rate": 1, "period": "2s"})").status, 200);
  for (int i = 0; i < 2; ++i) put("Work", work(i), {.queue = "slow"});
  ASSERT_TRUE(comes("end 1"));
  EXPECT_EQ(app->service("consumer.default")["spec"]["instances"], 1)
      << "more would not help a queue that waits for its rate";
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

}  // namespace sm::test
