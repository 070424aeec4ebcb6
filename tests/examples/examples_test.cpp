// The examples, run as their readers run them.
#include <gtest/gtest.h>

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
  EXPECT_EQ(app.stop(), 0);
}

}  // namespace sm::test
