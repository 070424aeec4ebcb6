// What producers, workers and web pages of Resque and php-resque read and write, seen with
// redis-cli alone.
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

class resque_fixture : public ::testing::Test {
 protected:
  void start(const std::string& consumer = "{}") {
    app.emplace(TEST_PROGRAM, std::vector<std::string>{"--set", "queue.url=" + redis.url()},
                std::vector<std::string>{"TEST_CONSUMER=" + consumer});
    ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  }
  std::string file() const { return (folder.path() / "work").string(); }
  std::string cli(const std::vector<std::string>& command) const { return redis.cli(command); }
  json read(const std::string& key) const {
    auto document = parse_json(cli({"GET", "resque:" + key}));
    return document ? *document : json{};
  }
  /// As both push it: the queue's name first, then the job.
  void push(const std::string& job, const std::string& queue = "default") const {
    cli({"SADD", "resque:queues", queue});
    cli({"RPUSH", "resque:queue:" + queue, job});
  }
  std::string argument(int number, const std::string& mood = "", int ms = 0) const {
    // PHP escapes slashes.
    std::string path;
    for (char c : file()) path += c == '/' ? std::string("\\/") : std::string(1, c);
    return R"({"file":")" + path + R"(","number":)" + std::to_string(number) + R"(,"mood":")" +
           mood + R"(","ms":)" + std::to_string(ms) + "}";
  }
  bool comes(const std::string& line) const {
    return eventually([&] {
      std::ifstream in(file());
      for (std::string each; std::getline(in, each);)
        if (each.starts_with(line)) return true;
      return false;
    });
  }
  std::string worker() const { return cli({"SMEMBERS", "resque:workers"}); }

  redis_server redis;
  temporary_folder folder;
  std::optional<program> app;
};

bool is_iso_time(const std::string& text) {
  return text.size() == 20 && text[4] == '-' && text[10] == 'T' && text.back() == 'Z';
}

}  // namespace

TEST_F(resque_fixture, a_job_of_ruby_is_performed_and_seen_while_it_runs) {
  start();
  push(R"({"class":"Work","args":[)" + argument(1, "", 700) + "]}");
  ASSERT_TRUE(comes("begin 1"));
  auto who = worker();
  EXPECT_NE(who.find(":" + std::to_string(app->instance_pid("consumer.default")) + ":*"),
            std::string::npos)
      << who;
  EXPECT_TRUE(is_iso_time(cli({"GET", "resque:worker:" + who + ":started"})));
  EXPECT_TRUE(is_iso_time(cli({"HGET", "resque:workers:heartbeat", who})));
  auto at_work = read("worker:" + who);
  EXPECT_EQ(at_work["queue"], "default");
  EXPECT_TRUE(is_iso_time(at_work["run_at"]));
  EXPECT_EQ(at_work["payload"]["class"], "Work");
  EXPECT_EQ(at_work["payload"]["args"][0]["number"], 1);
  ASSERT_TRUE(comes("end 1"));
  ASSERT_TRUE(eventually([&] { return cli({"EXISTS", "resque:worker:" + who}) == "0"; }));
  EXPECT_EQ(cli({"GET", "resque:stat:processed"}), "1");
  EXPECT_EQ(cli({"GET", "resque:stat:processed:" + who}), "1");
  EXPECT_EQ(cli({"LLEN", "resque:queue:default"}), "0");
  EXPECT_EQ(cli({"SMEMBERS", "resque:queues"}), "default");
  // The process is found by those who prune: Ruby looks for resque-N, PHP for resque.
  std::ifstream title("/proc/" + std::to_string(app->instance_pid("consumer.default")) +
                      "/cmdline");
  std::string text;
  std::getline(title, text);
  EXPECT_NE(text.find("resque-1: Waiting for *"), std::string::npos) << text;
  // A clean stop leaves no trace of it.
  EXPECT_EQ(app->stop(), 0);
  EXPECT_EQ(worker(), "");
  std::set<std::string> keys;
  std::istringstream list(cli({"KEYS", "*"}));
  for (std::string key; std::getline(list, key);) keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{"resque:queues", "resque:sm:epoch", "resque:sm:number",
                                         "resque:sm:version", "resque:stat:processed"}));
}

TEST_F(resque_fixture, tracked_jobs_of_php_tell_their_status_until_a_day_after) {
  start();
  // php-resque 1.2: no queue_time; 1.3 with prefix and queue_time.
  cli({"SET", "resque:job:d344029c9f1f4290511c506f2783b507:status",
       R"({"status":1,"updated":1795429280,"started":1795429280})"});
  push(R"({"class":"Work","args":[)" + argument(2, "", 500) +
       R"(],"id":"d344029c9f1f4290511c506f2783b507"})");
  ASSERT_TRUE(comes("begin 2"));
  auto status = [&](const std::string& id) { return read("job:" + id + ":status"); };
  EXPECT_EQ(status("d344029c9f1f4290511c506f2783b507")["status"], 2);
  EXPECT_EQ(status("d344029c9f1f4290511c506f2783b507")["started"], 1795429280);
  ASSERT_TRUE(
      eventually([&] { return status("d344029c9f1f4290511c506f2783b507")["status"] == 4; }));
  EXPECT_EQ(status("d344029c9f1f4290511c506f2783b507")["result"]["number"], 2);
  auto left = std::stoi(cli({"TTL", "resque:job:d344029c9f1f4290511c506f2783b507:status"}));
  EXPECT_GT(left, 86'000);
  EXPECT_LE(left, 86'400);

  cli({"SET", "resque:job:app_aea0:status",
       R"({"status":1,"updated":1795429280,"started":1795429280})"});
  push(
      R"({"class":"NoSuchJob","args":[{"email":"a\/b@c.d"}],"id":"aea0","prefix":"app","queue_time":1795429313.457031})");
  ASSERT_TRUE(eventually([&] { return status("app_aea0")["status"] == 3; }));
  // No arguments, and one that nobody tracks.
  push(R"({"class":"Noop","args":[null],"id":"c0ffee","queue_time":1795429306.842671})");
  ASSERT_TRUE(eventually([&] { return cli({"GET", "resque:stat:processed"}) == "3"; }));
  EXPECT_EQ(cli({"EXISTS", "resque:job:c0ffee:status"}), "0");
}

TEST_F(resque_fixture, a_status_that_php_writes_after_the_job_is_kept_up_too) {
  start();
  auto status = [&](const std::string& id) { return read("job:" + id + ":status"); };
  auto first = R"({"status":1,"updated":1795429280,"started":1795429280})";
  // As php-resque does it: first the job, then its status. The job may run by then, or be done.
  push(R"({"class":"Work","args":[)" + argument(1, "", 300) + R"(],"id":"aa01"})");
  ASSERT_TRUE(comes("begin 1"));
  cli({"SET", "resque:job:aa01:status", first});
  ASSERT_TRUE(eventually([&] { return status("aa01")["status"] == 4; })) << status("aa01");
  EXPECT_EQ(status("aa01")["result"]["number"], 1);
  push(R"({"class":"Work","args":[)" + argument(2) +
       R"(],"id":"aa02","queue_time":1795429306.84})");
  ASSERT_TRUE(comes("end 2"));
  cli({"SET", "resque:job:aa02:status", first});
  ASSERT_TRUE(eventually([&] { return status("aa02")["status"] == 4; })) << status("aa02");
  push(R"({"class":"NoSuchJob","args":[null],"id":"aa03"})");
  ASSERT_TRUE(eventually([&] { return cli({"GET", "resque:stat:failed"}) == "1"; }));
  cli({"SET", "resque:job:aa03:status", first});
  ASSERT_TRUE(eventually([&] { return status("aa03")["status"] == 3; })) << status("aa03");
}

TEST_F(resque_fixture, a_job_of_ruby_that_fails_waits_as_its_scheduler_has_it_and_is_dead_at_last) {
  start();
  auto job = R"({"class":"Work","args":[)" + argument(3, "fail") + "]}";
  push(job);
  // Between the attempts it is in delayed:TIME, as resque-scheduler puts it there.
  std::string time;
  ASSERT_TRUE(eventually([&] {
    time = cli({"ZRANGE", "resque:delayed_queue_schedule", "0", "-1"});
    return !time.empty();
  }));
  auto delayed = cli({"LINDEX", "resque:delayed:" + time, "0"});
  if (!delayed.empty()) {
    EXPECT_EQ(delayed, job.substr(0, job.size() - 1) + R"(,"queue":"default"})");
    EXPECT_EQ(cli({"SMEMBERS", "resque:timestamps:" + delayed}), "delayed:" + time);
  }
  ASSERT_TRUE(eventually([&] { return cli({"LLEN", "resque:failed"}) == "1"; }));
  EXPECT_EQ(cli({"KEYS", "resque:timestamps:*"}), "");
  EXPECT_EQ(cli({"KEYS", "resque:delayed*"}), "");
  auto record = *parse_json(cli({"LINDEX", "resque:failed", "0"}));
  EXPECT_TRUE(is_iso_time(record["failed_at"]));
  EXPECT_EQ(record["payload"], *parse_json(job));
  EXPECT_EQ(record["exception"], "std::exception");
  EXPECT_EQ(record["error"], "no mood for 3");
  EXPECT_TRUE(record["backtrace"].is_array());
  EXPECT_EQ(record["worker"], worker());
  EXPECT_EQ(record["queue"], "default");
  EXPECT_EQ(cli({"GET", "resque:stat:failed"}), "1");
  EXPECT_EQ(cli({"GET", "resque:stat:failed:" + worker()}), "1");
  EXPECT_EQ(cli({"HLEN", "resque:sm:attempts"}), "0");
}

TEST_F(resque_fixture, what_a_scheduler_plugin_delayed_is_performed_unless_its_master_is_there) {
  start();
  cli({"SET", "resque:resque:resque_scheduler_master_lock", "host:1"});
  auto delayed = R"({"class":"Work","args":[)" + argument(4) + R"(],"queue":"mail"})";
  cli({"RPUSH", "resque:delayed:1000", delayed});
  cli({"ZADD", "resque:delayed_queue_schedule", "1000", "1000"});
  cli({"SADD", "resque:timestamps:" + delayed, "delayed:1000"});
  push(R"({"class":"Work","args":[)" + argument(5) + "]}");
  ASSERT_TRUE(comes("end 5"));
  ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  EXPECT_EQ(cli({"LLEN", "resque:delayed:1000"}), "1");
  cli({"DEL", "resque:resque:resque_scheduler_master_lock"});
  ASSERT_TRUE(comes("end 4"));
  EXPECT_EQ(cli({"KEYS", "resque:delayed*"}), "");
  EXPECT_EQ(cli({"KEYS", "resque:timestamps*"}), "");
}

TEST_F(resque_fixture, pause_all_workers_holds_ours_too) {
  cli({"SET", "resque:pause-all-workers", " TRUE "});
  start();
  push(R"({"class":"Work","args":[)" + argument(6) + "]}");
  ASSERT_TRUE(eventually(
      [&] { return app->api("GET", "/v1/queues").document()["queues"][0]["ready"] == 1; }));
  cli({"DEL", "resque:pause-all-workers"});
  ASSERT_TRUE(comes("end 6"));
}

TEST_F(resque_fixture, a_tracked_job_that_somebody_else_took_is_gone) {
  start();
  app->api("POST", "/v1/queues/*/pause");
  auto id = app->api("POST", "/v1/jobs", R"({"type": "Work"})").document()["id"].get<std::string>();
  EXPECT_EQ(app->api("GET", "/v1/jobs/" + id).document()["state"], "ready");
  EXPECT_NE(cli({"LPOP", "resque:queue:default"}), "");
  EXPECT_EQ(app->api("GET", "/v1/jobs/" + id).document()["state"], "gone");
}

TEST_F(resque_fixture, a_job_of_ours_is_written_as_php_resque_writes_it) {
  queue outside(redis.url());
  auto id = outside.enqueue("EmailWork", {{"email", "a@b.c"}}, {.track = true}).wait_for(5s);
  ASSERT_TRUE(id);
  auto text = cli({"LINDEX", "resque:queue:default", "0"});
  EXPECT_TRUE(text.starts_with(R"({"class":"EmailWork","args":[{"email":"a@b.c"}],"id":")" + *id +
                               R"(","queue_time":)"))
      << text;
  auto status = read("job:" + *id + ":status");
  EXPECT_EQ(status["status"], 1);
  EXPECT_TRUE(status["started"].is_number_integer());
  EXPECT_EQ(cli({"SISMEMBER", "resque:queues", "default"}), "1");
}

TEST_F(resque_fixture, consumers_outlive_a_redis_that_is_killed_and_comes_back) {
  start(R"({"instances": 2})");
  for (int round = 0; round < 5; ++round) {
    redis.kill(SIGKILL);
    redis.start();
    push(R"({"class":"Work","args":[)" + argument(100 + round) + "]}");
    ASSERT_TRUE(comes("end " + std::to_string(100 + round)));
  }
}

}  // namespace sm::test
