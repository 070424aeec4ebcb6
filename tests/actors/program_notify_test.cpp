// What a program says of itself by sd_notify(3), with systemd's own tool where it is installed.
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>

#include "program_fixture.hpp"

namespace sm::test {
namespace {

const json by_notify{{"ready", {{"kind", "notify"}}}};

/// One that sends lines which the test writes into the file "say" of its folder.
const std::string speaker = R"(
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
while True:
    try:
        with open('say') as f: text = f.read()
        os.remove('say')
        s.sendto(text.replace('MYPID', str(os.getpid())).encode(), os.environ['NOTIFY_SOCKET'])
    except FileNotFoundError:
        time.sleep(0.005)
)";

class notify_fixture : public program_fixture {
 protected:
  using program_fixture::program_fixture;

  void add_speaker(json extra = json::object()) {
    folder_ = app.state() / "speaker";
    std::filesystem::create_directory(folder_);
    extra.update(by_notify);
    extra["directory"] = folder_.string();
    ASSERT_EQ(add(program_named("p", {"python3", "-u", "-c", speaker}, extra)).status, 201);
  }
  void say(const std::string& text) {
    std::ofstream(folder_ / "next") << text;
    std::filesystem::rename(folder_ / "next", folder_ / "say");
    ASSERT_TRUE(eventually([&] { return !std::filesystem::exists(folder_ / "say"); }));
  }
  json row(const std::string& name) {
    auto listed = app.api("GET", "/v1/services").document();
    for (auto& r : listed["services"])
      if (r["name"] == name) return r;
    return json::object();
  }

  std::filesystem::path folder_;
};

bool installed(const char* program) {
  return std::system((std::string("command -v ") + program + " >/dev/null").c_str()) == 0;
}

}  // namespace

TEST_F(notify_fixture, status_and_reloading_are_shown_in_listings) {
  add_speaker();
  say("READY=1\nSTATUS=12 connections");
  ASSERT_TRUE(reaches("p", "RUNNING"));
  EXPECT_TRUE(eventually([&] { return row("p").value("status_text", "") == "12 connections"; }));
  say("RELOADING=1\nMONOTONIC_USEC=1");
  EXPECT_TRUE(eventually([&] { return row("p").value("reloading", false); }));
  app.signal(SIGKILL);  // the next manager hears it again
  app.wait();
  app.start();
  EXPECT_TRUE(eventually([&] { return row("p").value("status_text", "") == "12 connections"; }));
  EXPECT_TRUE(row("p").value("reloading", false));
  say("READY=1");
  EXPECT_TRUE(eventually([&] { return !row("p").contains("reloading"); }));
}

TEST_F(notify_fixture, systemds_own_tool_is_heard_however_soon_its_process_ends) {
  if (!installed("systemd-notify")) GTEST_SKIP() << "there is no systemd-notify";
  // In a session of its own, collected by its shell, without waiting; then with the barrier.
  for (std::string way :
       {"systemd-notify --ready --no-block", "setsid systemd-notify --ready --no-block",
        "(systemd-notify --ready --no-block &) ", "systemd-notify --ready"})
    for (int run = 0; run < 5; ++run) {
      auto name = "p" + std::to_string(run);
      ASSERT_EQ(add(shell(name, way + "; exec sleep 1000", by_notify)).status, 201);
      EXPECT_TRUE(reaches(name, "RUNNING")) << way;
      EXPECT_EQ(app.api("DELETE", "/v1/services/" + name + "?wait=5s").status, 200);
    }
}

TEST_F(notify_fixture, a_barrier_is_answered_at_once) {
  if (!installed("systemd-notify")) GTEST_SKIP() << "there is no systemd-notify";
  ASSERT_EQ(add(shell("p",
                      "systemd-notify --ready && systemd-notify --status=x && echo returned; "
                      "exec sleep 1000",
                      by_notify))
                .status,
            201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  EXPECT_TRUE(logged("p:0", R"("msg":"returned")"));
}

TEST_F(notify_fixture, a_stranger_is_not_heard_and_does_not_fill_the_log) {
  add_speaker();
  auto path = app.state() / "notify" / "p:0";
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path); }));
  unique_fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  for (int n = 0; n < 2000; ++n)
    ::sendto(socket.get(), "READY=1", 7, 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
  ASSERT_TRUE(logged("p:0", "it is not of this program"));
  say("STATUS=heard");
  ASSERT_TRUE(eventually([&] { return row("p").value("status_text", "") == "heard"; }));
  EXPECT_EQ(row("p")["state"], "STARTING");
  auto text = app.log_of("p:0");
  int told = 0;
  for (auto at = text.find("not of this"); at != text.npos; at = text.find("not of this", at + 1))
    ++told;
  EXPECT_LE(told, 20);
}

TEST_F(notify_fixture, a_slow_start_that_asks_for_more_time_gets_it) {
  add_speaker({{"start_timeout", "2s"}, {"restart", "never"}});
  ASSERT_TRUE(eventually([&] { return app.instance_pid("p") > 0; }));
  say("EXTEND_TIMEOUT_USEC=20000000");
  EXPECT_FALSE(eventually([&] { return row("p")["state"] != "STARTING"; }, 2500ms));
  say("READY=1");
  EXPECT_TRUE(reaches("p", "RUNNING"));
}

TEST_F(notify_fixture, a_main_process_is_who_the_program_says_if_it_is_its_own) {
  auto folder = app.state() / "f";
  std::filesystem::create_directory(folder);
  auto script =
      "sleep 1000 & child=$!; systemd-notify --ready MAINPID=" + std::to_string(::getpid()) +
      "; systemd-notify MAINPID=$child; echo $child > child; wait";
  if (!installed("systemd-notify")) GTEST_SKIP() << "there is no systemd-notify";
  auto extra = by_notify;
  extra["directory"] = folder.string();
  ASSERT_EQ(add(shell("p", script, extra)).status, 201);
  ASSERT_TRUE(reaches("p", "RUNNING"));
  ASSERT_TRUE(eventually(
      [&] { return std::to_string(app.instance_pid("p")) + "\n" == text_of(folder / "child"); }));
  EXPECT_TRUE(logged("p:0", "MAINPID=" + std::to_string(::getpid()) + " is ignored"));
  // How a child of the shell ended only the shell knows, when it collects it before it ends itself:
  // as failed, then, which an unknown end counts as.
  auto end = verb("p", "stop")["last_exit"].get<std::string>();
  EXPECT_TRUE(end == "SIGTERM" || end == "exit code 70") << end;
}

TEST_F(notify_fixture, a_promised_sign_of_life_that_does_not_come_ends_the_program) {
  add_speaker({{"watchdog", "30s"}});
  say("READY=1\nWATCHDOG_USEC=200000");
  ASSERT_TRUE(eventually([&] { return app.service("p")["restarts"] >= 1; }));
  EXPECT_TRUE(logged("manager", "no WATCHDOG=1 for 200ms"));
}

TEST_F(notify_fixture, a_program_may_call_its_watchdog_itself) {
  add_speaker({{"restart", "never"}});
  say("READY=1");
  ASSERT_TRUE(reaches("p", "RUNNING"));
  say("WATCHDOG=trigger");
  ASSERT_TRUE(reaches("p", "EXITED"));
  EXPECT_NE(app.service("p")["reason"].get<std::string>().find("WATCHDOG=trigger"),
            std::string::npos);
}

TEST_F(notify_fixture, a_program_of_another_user_is_heard) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may become somebody else";
  auto extra = by_notify;
  extra["user"] = "nobody";
  ASSERT_EQ(add(program_named("p",
                              {"python3", "-c",
                               "import os, socket, time\n"
                               "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto("
                               "b'READY=1', os.environ['NOTIFY_SOCKET'])\n"
                               "time.sleep(1000)"},
                              extra))
                .status,
            201);
  EXPECT_TRUE(reaches("p", "RUNNING"));
}

class odd_start_fixture : public program_fixture {
 protected:
  odd_start_fixture()
      : program_fixture({}, {"NOTIFY_SOCKET=/nowhere", "WATCHDOG_USEC=1", "LISTEN_FDS=1",
                             "SM_SECRET=x", "INVOCATION_ID=1"}) {}
};

TEST_F(odd_start_fixture, nothing_of_the_managers_own_start_reaches_a_program) {
  ASSERT_EQ(add(shell("p", "env; echo end; exec sleep 1000")).status, 201);
  ASSERT_TRUE(logged("p:0", R"("msg":"end")"));
  auto text = app.log_of("p:0");
  for (auto* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "SM_SECRET", "INVOCATION_ID"})
    EXPECT_EQ(text.find(name), std::string::npos) << name;
  EXPECT_NE(text.find("SM_INSTANCE=p:0"), std::string::npos);
}

}  // namespace sm::test
