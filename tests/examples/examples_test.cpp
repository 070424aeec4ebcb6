// The examples, run as their readers run them.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <set>

#include "program.hpp"

namespace sm::test {

TEST(examples, simple_answers_its_routes_from_two_processes_and_performs_its_job) {
  program app(EXAMPLE_SIMPLE);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(app.get("/api/index").body, "index test");

  auto status = app.get("/api/status").document();
  EXPECT_EQ(status["complete"], true);
  EXPECT_EQ(status["results"]["process_name"]["result"]["count"], 2);
  EXPECT_EQ(status["results"]["process_name_two"]["result"]["count"], 4);
  EXPECT_EQ(status["results"].size(), 2U);
  std::set<pid_t> pids{app.pid(), app.instance_pid("process_name"),
                       app.instance_pid("process_name_two")};
  EXPECT_EQ(pids.size(), 3U);

  auto start = std::chrono::steady_clock::now();
  auto id = app.get("/api/queue").document().get<std::string>();
  EXPECT_EQ(id.size(), 32U);
  ASSERT_TRUE(eventually([&] {
    auto log = app.log_of("consumer.default:0");
    return log.find(R"({\"date\":\"now\",\"email\":\"queue_1\",\"text\":\"hello\"})") !=
               std::string::npos &&
           log.find("mail to queue_1") != std::string::npos;
  }));
  RecordProperty("ms_until_performed", std::to_string((std::chrono::steady_clock::now() - start) /
                                                      std::chrono::milliseconds(1)));
  EXPECT_EQ(app.stop(), 0);
}

TEST(examples, actor_talks_typed_to_a_service_in_another_process) {
  program app(EXAMPLE_ACTOR);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(app.get("/api/area?width=3&height=4").document(), 12.0);
  EXPECT_EQ(app.api("POST", "/v1/services/calculator/commands/none").status, 404);
  auto pid = app.instance_pid("surveyor");
  auto area = [&](const std::string& arguments) {
    return app.api("POST", "/v1/services/surveyor/commands/area", arguments);
  };
  EXPECT_EQ(area(R"({"w":1})").status, 422);
  auto misfit = area(R"([3,"x"])");
  EXPECT_EQ(misfit.status, 422);
  EXPECT_EQ(misfit.document()["code"], "bad_arguments");
  EXPECT_EQ(misfit.document()["where"], "/1");
  EXPECT_EQ(area("[3,4]").document()["result"], 12.0);
  EXPECT_EQ(app.instance_pid("surveyor"), pid);
  EXPECT_EQ(app.stop(), 0);
}

TEST(examples, queue_imports_once_draws_a_bar_and_mails) {
  program app(EXAMPLE_QUEUE);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto clock = app.instance_pid("queue.clock");
  ASSERT_TRUE(eventually([&] {
    return app.api("GET", "/v1/queues/mail").document().value("/limits/rate"_json_pointer, 0) == 50;
  })) << "the clock has written what the program declares";
  auto import = [&] {
    return app.connect()
        .request("POST", "/api/import", R"({"file": "customers.csv", "rows": 40})")
        .body;
  };
  auto id = import();
  EXPECT_EQ(import(), id) << "the same file is the same job while it is imported";
  auto command = std::string(EXAMPLE_QUEUE_PROGRESS) + " " + app.state().string() + " " + id;
  auto* bar = ::popen(command.c_str(), "r");
  std::string drawn;
  std::array<char, 256> chunk{};
  while (::fgets(chunk.data(), chunk.size(), bar)) drawn += chunk.data();
  EXPECT_EQ(::pclose(bar), 0);
  EXPECT_NE(drawn.find("% running"), std::string::npos) << drawn;
  EXPECT_NE(drawn.find("100 % done"), std::string::npos) << drawn;
  ASSERT_TRUE(eventually([&] {
    return app.log_of("consumer.default:0")
               .find("mail to owner@example.org: customers.csv is imported") != std::string::npos;
  }));
  auto schedule = app.api("GET", "/v1/schedules/daily-report").document();
  EXPECT_GT(schedule["next_ms"], 0);
  EXPECT_EQ(app.api("POST", "/v1/schedules/daily-report/run").status, 200);
  ASSERT_TRUE(eventually([&] {
    return app.log_of("consumer.default:0").find("the daily report is made") != std::string::npos;
  }));
  app.connect().request("POST", "/api/mail", R"({"email": "nobody", "text": "?"})");
  ASSERT_TRUE(eventually(
      [&] { return app.api("GET", "/v1/jobs?state=delayed").document()["jobs"].size() == 1; }));
  EXPECT_EQ(app.instance_pid("queue.clock"), clock) << "it has not been restarted";
  EXPECT_EQ(app.stop(), 0);
}

}  // namespace sm::test
