// Jobs on their way through producer, store and consumer processes.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sm/queue.hpp>

#include "program.hpp"

namespace sm::test {
using namespace std::chrono_literals;
namespace {

class queue_fixture : public ::testing::Test {
 protected:
  queue_fixture() : app(TEST_PROGRAM) {
    EXPECT_TRUE(eventually([&] { return app.all_ready(); }));
  }

  std::string file() const { return (app.state() / "notes").string(); }
  json note(int number, const std::string& mood = "") const {
    return {{"file", file()}, {"number", number}, {"mood", mood}};
  }
  std::multiset<int> notes() const {
    std::multiset<int> all;
    std::ifstream in(file());
    for (int number = 0; in >> number;) all.insert(number);
    return all;
  }

  program app;
};

}  // namespace

TEST_F(queue_fixture, jobs_from_a_service_a_route_and_another_program_are_performed) {
  auto from_service = app.api("POST", "/v1/services/a/commands/note", note(1).dump());
  EXPECT_EQ(from_service.document()["result"].get<std::string>().size(), 32U) << from_service.body;
  EXPECT_EQ(app.connect().request("POST", "/jobs", note(2).dump()).status, 200);
  queue outside("sqlite:" + (app.state() / "queue.db").string());
  ASSERT_TRUE(outside.enqueue("Note", note(3)).wait_for(5s));
  ASSERT_TRUE(eventually([&] { return notes() == std::multiset<int>{1, 2, 3}; }));
  EXPECT_NE(app.log_of("consumer.default:0").find("performing Note"), std::string::npos);
}

TEST_F(queue_fixture, failed_jobs_are_kept_with_their_error_and_stop_no_consumer) {
  queue outside("sqlite:" + (app.state() / "queue.db").string());
  ASSERT_TRUE(outside.enqueue("Note", note(1, "fail")).wait_for(5s));
  ASSERT_TRUE(outside.enqueue("NoSuchType", json{{"a", 1}}).wait_for(5s));
  ASSERT_TRUE(outside.enqueue("Note", json{{"file", 7}}).wait_for(5s));
  ASSERT_TRUE(outside.enqueue("Note", note(2)).wait_for(5s));
  ASSERT_TRUE(eventually([&] { return notes() == std::multiset<int>{2}; }));
  json failed;
  ASSERT_TRUE(eventually(
      [&] { return (failed = app.api("GET", "/v1/failed").document()["failed"]).size() == 3; }));
  EXPECT_EQ(failed[0]["error"], "no mood for 1");
  EXPECT_EQ(failed[1]["exception"], "sm::UnknownJobType");
  EXPECT_NE(failed[1]["payload"].get<std::string>().find("NoSuchType"), std::string::npos);
  EXPECT_EQ(failed[2]["exception"], "sm::bad_arguments");
  EXPECT_NE(failed[2]["error"].get<std::string>().find("/file"), std::string::npos) << failed[2];
}

TEST_F(queue_fixture, a_job_whose_consumer_is_killed_is_done_by_the_next_one_at_once) {
  auto consumer = app.instance_pid("consumer.default");
  queue outside("sqlite:" + (app.state() / "queue.db").string());
  ASSERT_TRUE(outside.enqueue("Note", note(1, "slow")).wait_for(5s));
  ASSERT_TRUE(eventually([&] {
    return app.log_of("consumer.default:0").find("performing Note") != std::string::npos;
  }));
  ASSERT_EQ(::kill(consumer, SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return notes() == std::multiset<int>{1}; }, 10s))
      << "long before its lease of 30 s runs out";
}

TEST_F(queue_fixture, a_job_that_kills_its_consumers_fails_and_the_others_are_done) {
  queue outside("sqlite:" + (app.state() / "queue.db").string());
  ASSERT_TRUE(outside.enqueue("Note", note(1, "crash")).wait_for(5s));
  ASSERT_TRUE(outside.enqueue("Note", note(2)).wait_for(5s));
  ASSERT_TRUE(eventually([&] { return notes() == std::multiset<int>{2}; }));
  json failed;
  ASSERT_TRUE(eventually([&] {
    failed = app.api("GET", "/v1/failed").document()["failed"];
    return failed.size() == 1;
  }));
  EXPECT_EQ(failed[0]["exception"], "sm::LeaseExpired");
}

TEST_F(queue_fixture, consumers_scale_and_share_the_jobs) {
  ASSERT_EQ(app.api("POST", "/v1/services/consumer.default/scale?wait=10s", R"({"instances": 4})")
                .document()["instances"]["ready"],
            4);
  queue outside("sqlite:" + (app.state() / "queue.db").string());
  std::multiset<int> expected;
  std::vector<promise<job_id>> all;
  for (int i = 0; i < 200; ++i) {
    expected.insert(i);
    all.push_back(outside.enqueue("Note", note(i)));
  }
  for (auto& p : all) ASSERT_TRUE(p.wait_for(10s));
  EXPECT_TRUE(eventually([&] { return notes() == expected; }));
  EXPECT_EQ(app.api("GET", "/v1/queues").status, 200);
}

TEST_F(queue_fixture, a_consumer_with_parameters_that_do_not_fit_is_rolled_back_and_says_why) {
  auto patched = app.api(
      "PATCH", "/v1/services/consumer.default?wait=10s",
      R"({"params": {"queues": "mail"}, "backoff": {"min": "10ms", "max": "10ms"}, "intensity": {"restarts": 2}})");
  EXPECT_EQ(patched.status, 409);
  EXPECT_NE(patched.body.find("/queues"), std::string::npos) << patched.body;
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(app.service("consumer.default")["spec"]["params"]["queues"], json::array({"*"}));
  EXPECT_EQ(app.get("/gather").document()["complete"], true);
}

TEST_F(queue_fixture, a_consumer_that_is_stopped_finishes_the_job_in_hand) {
  queue outside("sqlite:" + (app.state() / "queue.db").string());
  ASSERT_TRUE(outside.enqueue("Note", note(1, "slow")).wait_for(5s));
  ASSERT_TRUE(eventually([&] {
    return app.log_of("consumer.default:0").find("performing Note") != std::string::npos;
  }));
  EXPECT_EQ(app.stop(), 0);
  EXPECT_EQ(notes(), std::multiset<int>{1});
}

}  // namespace sm::test
