// What concerns Redis alone: outages, users, TLS, Sentinel, foreign keys.
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <set>
#include <sm/queue.hpp>
#include <thread>

#include "queue/job_status.hpp"
#include "queue/redis/scripts.hpp"
#include "redis_store_fixture.hpp"

namespace sm {

TEST_F(redis_store_fixture, an_outage_loses_nothing_and_stores_nothing_twice) {
  auto s = open(20s);
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  redis_.kill(SIGKILL);
  auto refused = s->enqueue(std::vector<new_job>{job("2")}, 100ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  auto patient = std::async(std::launch::async,
                            [&] { return s->enqueue(std::vector<new_job>{job("3")}, 20s); });
  redis_.start();
  EXPECT_TRUE(patient.get());
  std::set<job_id> ids;
  auto got = s->exchange({}, all_of(10));
  ASSERT_TRUE(got) << to_string(got.error());
  for (auto& d : got->claimed) EXPECT_TRUE(ids.insert(key_of_job(d.payload)).second);
  EXPECT_TRUE(ids.contains("1") && ids.contains("3"));
}

TEST_F(redis_store_fixture, a_server_that_stands_still_is_unavailable_after_the_deadline) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  redis_.signal(SIGSTOP);
  auto begin = std::chrono::steady_clock::now();
  auto refused = s->enqueue(std::vector<new_job>{job("2")}, 200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_TRUE(s->in_doubt());
  redis_.signal(SIGCONT);
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("2")}, 5s)) << "the same batch, stored once";
  EXPECT_EQ(s->exchange({}, all_of(10))->claimed.size(), 2U);
}

TEST_F(redis_store_fixture, a_batch_in_doubt_stays_so_until_there_is_an_answer) {
  redis_.cli({"CONFIG", "SET", "requirepass", "pw"});
  auto s = std::move(*open_job_store(url_of(":pw"), {}));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  redis_.signal(SIGSTOP);
  std::vector<new_job> batch{job("2"), job("3")};
  // The first is sent and not answered; the next cannot even log in.
  for (int tries = 0; tries < 3; ++tries) {
    auto refused = s->enqueue(batch, 200ms);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(s->in_doubt());
    EXPECT_NE(refused.error().detail.find("may have been stored"), std::string::npos) << tries;
  }
  redis_.signal(SIGCONT);
  ASSERT_TRUE(s->enqueue(batch, 5s)) << "the same batch, stored once";
  EXPECT_EQ(s->exchange({}, all_of(10))->claimed.size(), 3U);
}

TEST_F(redis_store_fixture, a_batch_in_doubt_is_not_taken_for_another_with_its_first_job) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("0")}, 1s));
  redis_.signal(SIGSTOP);
  ASSERT_FALSE(s->enqueue(std::vector<new_job>{job("x"), job("b")}, 200ms));
  redis_.signal(SIGCONT);
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("x"), job("c")}, 5s));
  std::set<job_id> ids;
  auto got = s->exchange({}, all_of(10));
  for (auto& d : got->claimed) ids.insert(key_of_job(d.payload));
  EXPECT_TRUE(ids.contains("c")) << "who is told that it is stored finds it";
}

TEST_F(redis_store_fixture, a_batch_that_comes_late_is_not_stored) {
  auto store = [&](int batch, const std::string& bytes) {
    redis_.cli({"EVAL", redis_scripts::enqueue.text(), "0", "resque:", "somebody",
                std::to_string(batch), "p", "q", "1", bytes, "nonce"});
  };
  store(1, "a");
  store(2, "b");
  store(1, "a");
  EXPECT_EQ(redis_.cli({"LRANGE", "resque:queue:q", "0", "-1"}), "a\nb");
}

TEST_F(redis_store_fixture, a_key_of_another_kind_where_a_queue_should_be_harms_no_other) {
  auto s = open();
  redis_.cli({"SET", "resque:queue:x", "no list"});
  auto mine = job("mine", "x");
  mine.lock = "id:mine";
  mine.lock_for = 1h;
  auto refused = s->enqueue(std::vector<new_job>{job("bystander"), mine}, 1s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_NE(refused.error().detail.find("resque:queue:x"), std::string::npos);
  EXPECT_EQ(redis_.cli({"EXISTS", "resque:queue:q"}), "0") << "all or none";

  // Of several callers at once only the one at fault hears of it.
  queue jobs(redis_.url(), {});
  std::vector<promise<job_id>> answers;
  for (auto* name : {"q", "x", "q", "x", "q"})
    answers.push_back(jobs.enqueue("T", json(), {.queue = name}));
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(answers[i].wait_for(5s).has_value(), i % 2 == 0) << i;
  EXPECT_EQ(redis_.cli({"LLEN", "resque:queue:q"}), "3");

  // Delayed jobs for it wait, and hold up nobody.
  auto due = [](const job_id& id, const std::string& queue) {
    auto j = job(id, queue);
    j.run_at_ms = now_ms() + 200;
    return j;
  };
  redis_.cli({"DEL", "resque:queue:x"});
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{due("1", "x"), due("2", "q")}, 1s));
  redis_.cli({"SET", "resque:queue:x", "no list"});
  for (auto until = now_ms() + 202; now_ms() < until;) std::this_thread::yield();
  auto moved = s->move_due();
  ASSERT_TRUE(moved) << to_string(moved.error());
  EXPECT_EQ(redis_.cli({"LLEN", "resque:queue:q"}), "4");
  EXPECT_EQ(redis_.cli({"ZCARD", "resque:sm:delayed"}), "1");

  auto counts = s->counts();
  for (auto& c : *counts) EXPECT_TRUE(c.queue != "x" || c.oldest_ms == 0);
  auto kept = s->remove_queue("x");
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, errc::conflict);
  EXPECT_EQ(redis_.cli({"GET", "resque:queue:x"}), "no list");

  redis_.cli({"DEL", "resque:queue:x"});
  auto stored = s->enqueue(std::vector<new_job>{mine}, 1s);
  ASSERT_TRUE(stored);
  EXPECT_TRUE(stored->empty()) << "nobody took its id";
  EXPECT_TRUE(*s->find("mine"));
}

TEST_F(redis_store_fixture, a_redis_without_memory_refuses_jobs_and_lets_consumers_drain_it) {
  auto s = open();
  auto tracked = job("1");
  tracked.status = encode_status({.updated_s = 1});
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{tracked, job("2"), job("3")}, 1s));
  auto held = s->exchange({}, all_of(1));
  redis_.cli({"CONFIG", "SET", "maxmemory", "100kb"});
  auto refused = s->enqueue(std::vector<new_job>{job("4")}, 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  auto fresh = open();
  auto got = fresh->exchange({}, {.worker = "w:2:*", .queues = {"*"}, .max = 1});
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->claimed.size(), 1U);
  auto lost = s->renew(held->claimed, 30s);
  ASSERT_TRUE(lost) << to_string(lost.error());
  EXPECT_TRUE(lost->empty());
  std::vector<std::pair<job_id, std::string>> progress{{"1", encode_status({.updated_s = 2})}};
  EXPECT_TRUE(s->put_status(progress));
  EXPECT_EQ(fresh->release("w:2:*").value_or(0), 1U);
}

TEST_F(redis_store_fixture, a_result_that_looks_like_a_status_is_none) {
  auto s = open();
  auto j = job("1");
  j.status = encode_status({.updated_s = 1});
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{j}, 1s));
  auto got = s->exchange({}, all_of(1));
  auto end = encode_status({.status = job_status::phase::complete, .result = {{"status", 1}}});
  std::vector<job_outcome> done{
      {.tag = got->claimed[0].tag, .queue = "q", .id = "1", .status = end}};
  ASSERT_EQ(s->exchange(done, all_of(0))->accepted, 1U);
  std::vector<std::pair<job_id, std::string>> late{
      {"1", encode_status({.status = job_status::phase::running})}};
  ASSERT_TRUE(s->put_status(late));
  EXPECT_EQ(*s->status("1"), end);
}

TEST_F(redis_store_fixture, what_is_claimed_has_its_bounds_and_what_is_beyond_them_is_put_aside) {
  auto s = open(20s);
  auto large = [](const job_id& id, std::size_t bytes) {
    auto j = job(id);
    j.payload.append(bytes, ' ');
    return j;
  };
  ASSERT_TRUE(s->enqueue(std::vector{large("1", 3 << 20), large("2", 3 << 20)}, 20s));
  ASSERT_TRUE(s->enqueue(std::vector{large("giant", 9 << 20), job("3")}, 20s));
  id_list order;
  for (int i = 0; i < 10 && order.size() < 3; ++i) {
    auto got = s->exchange({}, all_of(10));
    ASSERT_TRUE(got) << to_string(got.error());
    EXPECT_LE(got->claimed.size(), 1U);
    for (auto& d : got->claimed) order.push_back(key_of_job(d.payload));
  }
  EXPECT_EQ(order, (id_list{"1", "2", "3"}));
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->jobs.size(), 1U);
  EXPECT_EQ(dead->jobs[0].exception, "sm::payload_too_large");
  EXPECT_NE(dead->jobs[0].error.find("resque:sm:oversize:q"), std::string::npos);
  EXPECT_EQ(*s->requeue(dead->jobs), 0U);
  EXPECT_EQ(redis_.cli({"LLEN", "resque:sm:oversize:q"}), "1");
}

TEST_F(redis_store_fixture, an_enqueue_waits_for_as_many_replicas_as_are_asked_for) {
  auto s = std::move(*open_job_store(redis_.url(), {.enqueue_timeout = 2s, .replicas = 1}));
  auto alone = s->enqueue(std::vector{job("1")}, 1s);
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, errc::unavailable);
  EXPECT_TRUE(s->in_doubt());
  test::redis_server replica({"--replicaof", "127.0.0.1 " + std::to_string(redis_.port())});
  auto both = s->enqueue(std::vector{job("1")}, 20s);
  ASSERT_TRUE(both) << to_string(both.error());
  EXPECT_EQ(replica.cli({"LLEN", "resque:queue:q"}), "1") << "once, and there already";
}

TEST_F(redis_store_fixture, keys_of_a_later_version_are_refused) {
  redis_.cli({"SET", "resque:sm:version", "99"});
  auto warned = open()->warnings();
  ASSERT_FALSE(warned);
  EXPECT_EQ(warned.error().code, errc::invalid_spec);
}

TEST_F(redis_store_fixture, a_user_without_channels_and_dangerous_commands_suffices) {
  redis_.cli({"ACL", "SETUSER", "app", "on", ">pw", "~resque:*", "+@all", "-@dangerous"});
  auto s = std::move(*open_job_store(url_of("app:pw"), {}));
  EXPECT_TRUE(s->warnings());
  EXPECT_TRUE(s->register_worker("w:1:*"));
  auto later = job("later");
  later.run_at_ms = now_ms() + 20;
  auto stored = s->enqueue(std::vector<new_job>{job("now"), later}, 1s);
  ASSERT_TRUE(stored) << to_string(stored.error());
  auto waiter = s->make_clock_waiter();
  while (now_ms() <= later.run_at_ms) waiter->wait(10ms);
  ASSERT_TRUE(s->move_due());
  EXPECT_EQ(s->exchange({}, all_of(10))->claimed.size(), 2U);
}

TEST_F(redis_store_fixture, a_server_that_came_back_with_older_data_gives_no_number_twice) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1"), job("2")}, 1s));
  auto before = s->exchange({}, all_of(1));
  ASSERT_TRUE(before) << to_string(before.error());
  redis_.cli({"DEL", "resque:sm:number", "resque:sm:leases", "resque:sm:inflight:q"});
  auto after = s->exchange({}, all_of(1));
  ASSERT_TRUE(after) << to_string(after.error());
  ASSERT_EQ(after->claimed.size(), 1U);
  std::vector<job_outcome> late{{.tag = before->claimed.at(0).tag, .queue = "q"}};
  EXPECT_EQ(s->exchange(late, all_of(0))->accepted, 0U) << "it must not end the other job";
}

TEST_F(redis_store_fixture, a_wrong_password_is_said_at_once) {
  redis_.cli({"CONFIG", "SET", "requirepass", "secret"});
  auto s = std::move(*open_job_store(url_of(":wrong"), {}));
  auto begin = std::chrono::steady_clock::now();
  auto refused = s->enqueue(std::vector<new_job>{job("1")}, 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::internal);
  EXPECT_NE(refused.error().detail.find("WRONGPASS"), std::string::npos) << refused.error().detail;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  auto right = std::move(*open_job_store(url_of(":secret") + "/3", {}));
  EXPECT_TRUE(right->enqueue(std::vector<new_job>{job("1")}, 5s));
}

TEST_F(redis_store_fixture, a_unix_socket_and_another_prefix_are_served) {
  auto url = "redis+unix://" + (redis_.folder() / "redis.sock").string() + "?db=2&prefix=app";
  auto s = std::move(*open_job_store(url, {}));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 5s));
  EXPECT_EQ(redis_.cli({"-n", "2", "LLEN", "app:queue:q"}), "1");
}

TEST_F(redis_store_fixture,
       a_key_of_another_kind_in_the_place_of_a_queue_keeps_no_other_from_work) {
  auto s = open();
  redis_.cli({"SADD", "resque:queues", "broken"});
  redis_.cli({"SET", "resque:queue:broken", "x"});
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  auto got = s->exchange({}, all_of(10));
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->claimed.size(), 1U);
  auto counts = s->counts();
  ASSERT_TRUE(counts) << to_string(counts.error());
  auto waiter = s->make_waiter();
  int rounds = 0;
  for (auto end = std::chrono::steady_clock::now() + 500ms; std::chrono::steady_clock::now() < end;
       ++rounds) {
    waiter->watch({"broken", "q"});
    waiter->wait(100ms);
  }
  EXPECT_LT(rounds, 50) << "and nobody spins";
}

TEST_F(redis_store_fixture, what_python_takes_for_json_breaks_no_document) {
  auto s = open();
  std::string bytes = R"({"class":"N","args":[NaN]})";
  redis_.cli({"RPUSH", "resque:queue:q", bytes});
  redis_.cli({"SADD", "resque:queues", "q"});
  for (unsigned i = 0; i < crashes_max; ++i) {
    ASSERT_EQ(s->exchange({}, all_of(1))->claimed.size(), 1U);
    EXPECT_TRUE(json::accept(redis_.cli({"GET", "resque:worker:w:1:*"})));
    EXPECT_EQ(*s->release("w:1:*"), 1U);
  }
  EXPECT_TRUE(json::accept(redis_.cli({"LINDEX", "resque:failed", "0"})));
  auto dead = s->jobs(job_state::dead, "", 0, 1);
  ASSERT_EQ(dead->jobs.size(), 1U);
  EXPECT_EQ(dead->jobs.front().payload, bytes);
  EXPECT_TRUE(s->requeue({&dead->jobs.front(), 1}).value_or(0) == 1);
  EXPECT_EQ(redis_.cli({"LINDEX", "resque:queue:q", "0"}), bytes);
}

TEST_F(redis_store_fixture, a_waiter_whose_connections_are_cut_does_not_spin) {
  auto s = open();
  auto waiter = s->make_waiter();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  waiter->watch({"q"});
  waiter->wait(1s);
  redis_.cli({"CLIENT", "KILL", "TYPE", "normal"});
  redis_.cli({"CLIENT", "KILL", "TYPE", "pubsub"});
  int rounds = 0;
  auto end = std::chrono::steady_clock::now() + 500ms;
  for (; std::chrono::steady_clock::now() < end; ++rounds) waiter->wait(100ms);
  EXPECT_LT(rounds, 50);
}

TEST_F(redis_store_fixture, consumers_that_nobody_saw_die_are_forgotten_but_not_their_leases) {
  auto s = open();
  ASSERT_TRUE(s->register_worker("gone:1:*"));
  ASSERT_TRUE(s->register_worker("here:1:*"));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  auto rq = all_of(1);
  rq.worker = "gone:1:*";
  ASSERT_EQ(s->exchange({}, rq)->claimed.size(), 1U);
  redis_.cli({"HSET", "resque:sm:workers", "gone:1:*", "1000"});
  ASSERT_TRUE(s->tidy());
  EXPECT_EQ(redis_.cli({"SMEMBERS", "resque:workers"}), "here:1:*");
  EXPECT_TRUE(s->exchange({}, all_of(1))->claimed.empty()) << "it may only have slept";
}

TEST_F(redis_store_fixture, no_key_outlives_the_work) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 100; ++i) jobs.push_back(job(std::to_string(i)));
  ASSERT_TRUE(s->enqueue(jobs, 1s));
  std::vector<job_outcome> done;
  auto got = s->exchange({}, all_of(100));
  ASSERT_TRUE(got) << to_string(got.error());
  for (auto& d : got->claimed) done.push_back({.tag = d.tag, .queue = d.queue});
  ASSERT_EQ(s->exchange(done, all_of(0))->accepted, 100U);
  ASSERT_TRUE(s->unregister_worker("w:1:*"));
  std::set<std::string> keys;
  std::istringstream list(redis_.cli({"KEYS", "*"}));
  for (std::string k; std::getline(list, k);)
    if (!k.starts_with("resque:sm:producer:")) keys.insert(k);
  EXPECT_EQ(keys,
            (std::set<std::string>{"resque:queues", "resque:sm:number", "resque:stat:processed"}));
}

TEST(redis_store, tls_is_spoken_with_servers_whose_certificate_fits) {
  test::temporary_folder folder;
  auto file = [&](const char* name) { return (folder.path() / name).string(); };
  auto command =
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext "
      "subjectAltName=IP:127.0.0.1 -keyout " +
      file("key") + " -out " + file("cert") + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  auto port = std::to_string(test::free_port());
  test::redis_server redis({"--tls-port", port, "--tls-cert-file", file("cert"), "--tls-key-file",
                            file("key"), "--tls-ca-cert-file", file("cert"), "--tls-auth-clients",
                            "no"});
  auto put = [&](const std::string& url) {
    auto s = open_job_store(url, {});
    return s ? (*s)->enqueue(std::vector<new_job>{job("1")}, 10s)
             : result<std::vector<duplicate>>(tl::unexpected<error>(s.error()));
  };
  auto good = put("rediss://127.0.0.1:" + port + "?ca=" + file("cert"));
  EXPECT_TRUE(good) << to_string(good.error());
  EXPECT_TRUE(put("rediss://127.0.0.1:" + port + "?verify=no"));
  auto stranger = put("rediss://127.0.0.1:" + port);
  ASSERT_FALSE(stranger);
  EXPECT_NE(stranger.error().detail.find("certificate is refused"), std::string::npos)
      << stranger.error().detail;
  auto wrong_name = put("rediss://localhost:" + port + "?ca=" + file("cert"));
  ASSERT_FALSE(wrong_name);
  EXPECT_NE(wrong_name.error().detail.find("certificate is refused"), std::string::npos);
  EXPECT_EQ(redis.cli({"LLEN", "resque:queue:q"}), "2");
}

TEST(redis_store, sentinel_leads_to_the_master_also_after_a_failover) {
  test::redis_server first;
  auto port = std::to_string(first.port());
  test::redis_server second({"--replicaof", "127.0.0.1 " + port});
  test::redis_server sentinel({"--sentinel"}, "sentinel monitor main 127.0.0.1 " + port +
                                                  " 1\nsentinel down-after-milliseconds main 500\n"
                                                  "sentinel failover-timeout main 5000\n");
  auto dead = std::to_string(test::free_port());
  auto url = "redis+sentinel://127.0.0.1:" + dead +
             ",127.0.0.1:" + std::to_string(sentinel.port()) + "/main";
  auto s = std::move(*open_job_store(url, {.enqueue_timeout = 2s}));
  auto put = s->enqueue(std::vector<new_job>{job("1")}, 5s);
  ASSERT_TRUE(put) << to_string(put.error());
  auto warns = [&] {
    auto list = s->warnings();
    EXPECT_TRUE(list) << to_string(list.error());
    return std::any_of(list->begin(), list->end(),
                       [](auto& w) { return w.find("min-replicas-to-write") != w.npos; });
  };
  EXPECT_TRUE(warns());
  first.cli({"CONFIG", "SET", "min-replicas-to-write", "1"});
  EXPECT_FALSE(warns());
  first.cli({"CONFIG", "SET", "min-replicas-to-write", "0"});
  auto waiter = s->make_clock_waiter();
  auto patience = std::chrono::steady_clock::now() + 60s;
  auto in_time = [&] { return std::chrono::steady_clock::now() < patience; };
  while (second.cli({"LLEN", "resque:queue:q"}) != "1" && in_time()) waiter->wait(20ms);
  while (sentinel.cli({"SENTINEL", "failover", "main"}) != "OK" && in_time()) waiter->wait(100ms);
  put = s->enqueue(std::vector<new_job>{job("2")}, 20s);
  ASSERT_TRUE(put) << to_string(put.error());
  auto is = [](const test::redis_server& r, const char* role) {
    return r.cli({"ROLE"}).starts_with(role);
  };
  while ((!is(second, "master") || !is(first, "slave")) && in_time()) waiter->wait(50ms);
  // What was put in the moment of the change may be on the old one: asynchronous replication.
  put = s->enqueue(std::vector<new_job>{job("3")}, 20s);
  ASSERT_TRUE(put) << to_string(put.error());
  EXPECT_NE(second.cli({"LRANGE", "resque:queue:q", "0", "-1"}).find("\"id\":\"3\""),
            std::string::npos);
}

TEST(redis_store, an_unknown_master_is_said) {
  test::redis_server sentinel({"--sentinel"}, "sentinel monitor main 127.0.0.1 1 1\n");
  auto s = std::move(*open_job_store(
      "redis+sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/other", {}));
  auto refused = s->enqueue(std::vector<new_job>{job("1")}, 20s);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("no master of this name"), std::string::npos);
}

}  // namespace sm
