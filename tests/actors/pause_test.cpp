// All processes stand still for a while, as in a paused container or virtual machine: nobody is
// judged by time in which nobody had any.
#include <poll.h>

#include "program_fixture.hpp"

namespace sm::test {
namespace {

class pause_fixture : public program_fixture {
 protected:
  explicit pause_fixture(std::vector<std::string> arguments = {})
      : program_fixture(std::move(arguments)) {}

  static void signal_all(const std::vector<pid_t>& pids, int number) {
    for (auto pid : pids) ::kill(pid, number);
  }
  std::vector<pid_t> everybody() {
    auto all = app.descendants();
    all.push_back(app.pid());
    return all;
  }
  /// The claim is about time: it has to pass.
  static void stand_still(const std::vector<pid_t>& pids, std::chrono::milliseconds length) {
    signal_all(pids, SIGSTOP);
    ::poll(nullptr, 0, static_cast<int>(length.count()));
    signal_all(pids, SIGCONT);
  }
};

class pause_of_orphans : public pause_fixture {
 protected:
  pause_of_orphans() : pause_fixture({"--set", "manager.orphan_grace=1s"}) {}
};

}  // namespace

TEST_F(pause_fixture, who_could_not_answer_meanwhile_is_no_hang) {
  ASSERT_EQ(add(tool_named("watched", json::object(), {{"watchdog", "1s"}})).status, 201);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto pid = app.instance_pid("watched");
  stand_still(everybody(), 2500ms);
  EXPECT_FALSE(eventually([&] { return app.instance_pid("watched") != pid; }, 2500ms));
  // Who hangs while the others go on is found as ever.
  ::kill(pid, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return app.instance_pid("watched") != pid; }));
}

TEST_F(pause_fixture, a_start_has_its_time_without_the_pause) {
  ASSERT_EQ(
      add(tool_named("slow", {{"start_ms", 800}}, {{"start_timeout", "2s"}, {"restart", "never"}}))
          .status,
      201);
  ASSERT_TRUE(eventually([&] { return app.instance_pid("slow") > 0; }));
  auto pid = app.instance_pid("slow");
  stand_still(everybody(), 3500ms);
  EXPECT_TRUE(reaches("slow", "RUNNING")) << app.service("slow");
  EXPECT_EQ(app.instance_pid("slow"), pid);
}

TEST_F(pause_fixture, a_stop_has_its_time_without_the_pause) {
  auto said = [&](const char* word) {
    return app.log_of("slow:0").find(word) != std::string::npos;
  };
  ASSERT_EQ(add(shell("slow",
                      "trap 'echo begun; for n in 1 2 3 4 5 6; do sleep 0.1; done; echo done; exit "
                      "0' TERM; echo up; "
                      "while :; do sleep 0.05; done",
                      {{"stop_timeout", "3s"}}))
                .status,
            201);
  ASSERT_TRUE(eventually([&] { return said("up"); }));
  app.api("POST", "/v1/services/slow/stop");
  ASSERT_TRUE(eventually([&] { return said("begun"); }));
  stand_still(everybody(), 5000ms);
  EXPECT_TRUE(reaches("slow", "STOPPED"));
  EXPECT_TRUE(said("done"));
  EXPECT_EQ(app.service("slow")["last_exit"], "exit code 0");
}

TEST_F(pause_fixture, a_program_that_promised_signs_of_life_gives_them_after_it) {
  ASSERT_EQ(add(program_named("beats", {"python3", "-c", R"(
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ['NOTIFY_SOCKET'])
s.send(b'READY=1\nWATCHDOG_USEC=500000')
last = time.monotonic()
while True:
    if time.monotonic() - last > 1:
        time.sleep(0.3)
    last = time.monotonic()
    s.send(b'WATCHDOG=1')
    time.sleep(0.1)
)"},
                              {{"ready", {{"kind", "notify"}}}}))
                .status,
            201);
  ASSERT_TRUE(reaches("beats", "RUNNING"));
  auto pid = app.instance_pid("beats");
  stand_still(everybody(), 2500ms);
  EXPECT_FALSE(eventually([&] { return app.instance_pid("beats") != pid; }, 1500ms));
}

TEST_F(pause_of_orphans, the_grace_of_orphans_goes_on_after_it) {
  std::map<std::string, pid_t> before;
  for (auto* name : {"a", "b", "consumer.default"}) before[name] = app.instance_pid(name);
  auto family = app.descendants();
  app.signal(SIGKILL);
  app.wait();
  ::poll(nullptr, 0, 300);  // they see it
  signal_all(family, SIGSTOP);
  ::poll(nullptr, 0, 3000);
  app.start();
  signal_all(family, SIGCONT);
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  for (auto& [name, pid] : before) EXPECT_EQ(app.instance_pid(name), pid) << name;
}

}  // namespace sm::test
