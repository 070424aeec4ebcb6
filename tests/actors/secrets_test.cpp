// What is secret, and who asked, as a manager shows it.
#include <unistd.h>

#include "supervision_fixture.hpp"

namespace sm::test {

TEST_F(supervision_fixture, a_secret_parameter_is_shown_nowhere_and_its_mask_means_its_value) {
  ASSERT_EQ(add(tool_named("web", {{"password", "hunter2"}, {"dsn", "hunter3"}, {"data", 1}},
                           {{"secret_params", {"dsn"}}}))
                .status,
            201);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  auto shown = app.service("web")["spec"]["params"];
  EXPECT_EQ(shown, (json{{"password", "********"}, {"dsn", "********"}, {"data", 1}}));
  auto pid = app.instance_pid("web");
  auto sent_back = app.api("PATCH", "/v1/services/web?wait=5s", json{{"params", shown}}.dump());
  EXPECT_EQ(sent_back.status, 200) << sent_back.body;
  EXPECT_EQ(app.instance_pid("web"), pid) << "nothing has changed";
  shown["dsn"] = "hunter4";
  auto changed = app.api("PATCH", "/v1/services/web?wait=5s", json{{"params", shown}}.dump());
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_NE(app.instance_pid("web"), pid);
  auto listed = app.api("GET", "/v1/services").body;
  EXPECT_EQ(app.stop(), 0);  // what it logged is in its file then
  auto log = text_of(app.state() / "log" / "manager.log");
  EXPECT_NE(log.find("patch"), log.npos) << log;
  for (auto& text : {log, sent_back.body, changed.body, listed})
    EXPECT_EQ(text.find("hunter"), text.npos) << text;
}

TEST_F(supervision_fixture, the_log_says_by_whom_a_change_is) {
  ASSERT_EQ(add(tool_named("web")).status, 201);
  EXPECT_EQ(app.stop(), 0);
  auto log = text_of(app.state() / "log" / "manager.log");
  // As the kernel names this process on the Unix socket.
  auto by = "changed by uid " + std::to_string(::geteuid()) + ", pid " + std::to_string(::getpid());
  EXPECT_NE(log.find(by + ": "), log.npos) << log;
}

}  // namespace sm::test
