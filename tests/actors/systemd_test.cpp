// What a service manager above sees of this one, and how it ends it.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

/// The socket of the service manager above.
class above {
 public:
  above() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  std::string path() const { return (folder_.path() / "notify").string(); }
  /// The next datagram.
  std::string next() const {
    pollfd watched{fd_.get(), POLLIN, 0};
    if (::poll(&watched, 1, 10'000) != 1) return "nothing came";
    std::string text(4096, '\0');
    auto n = ::recv(fd_.get(), text.data(), text.size(), 0);
    text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
    return text;
  }

 private:
  temporary_folder folder_;
  unique_fd fd_;
};

class systemd_fixture : public ::testing::Test {
 protected:
  above above_;
  program app{TEST_PROGRAM, {}, {"NOTIFY_SOCKET=" + above_.path(), "WATCHDOG_USEC=200000"}};
};

class applied_fixture : public ::testing::Test {
 protected:
  applied_fixture() { app.emplace(SMD, arguments(), environment()); }
  std::vector<std::string> arguments() {
    write("[service.a]\ncommand = ['sleep', '1001']\n");
    return {"--config", file().string()};
  }
  std::vector<std::string> environment() const { return {"NOTIFY_SOCKET=" + above_.path()}; }
  std::filesystem::path file() const { return folder_.path() / "smd.toml"; }
  void write(const std::string& text) const { std::ofstream(file()) << text; }
  std::string next() const {
    auto text = above_.next();
    while (text == "WATCHDOG=1") text = above_.next();
    return text;
  }

  above above_;
  temporary_folder folder_;
  std::optional<program> app;
};

class orphans_fixture : public supervision_fixture {
 protected:
  pid_t fork_server() const {
    for (auto pid : app.descendants())
      if (text_of("/proc/" + std::to_string(pid) + "/cmdline").find("fork server") !=
          std::string::npos)
        return pid;
    return 0;
  }
};

}  // namespace

TEST_F(systemd_fixture, the_manager_says_that_it_serves_that_it_lives_and_that_it_stops) {
  EXPECT_EQ(above_.next(), "WATCHDOG=1");
  std::string text = above_.next();
  while (text == "WATCHDOG=1") text = above_.next();
  EXPECT_TRUE(text.starts_with("READY=1\n")) << text;
  EXPECT_NE(text.find("STATUS=serves http://127.0.0.1:"), std::string::npos) << text;
  EXPECT_EQ(above_.next(), "WATCHDOG=1");
  app.signal(SIGTERM);
  do text = above_.next();
  while (text == "WATCHDOG=1");
  EXPECT_TRUE(text.starts_with("STOPPING=1\n")) << text;
  EXPECT_EQ(app.wait(), 0);
}

TEST(start_state, blocked_and_ignored_signals_and_closed_streams_harm_no_manager) {
  temporary_folder folder;
  auto starter = folder.path() / "starter";
  std::ofstream(starter) << "#!/bin/sh\nexec env --block-signal --ignore-signal " << TEST_PROGRAM
                         << " \"$@\" <&- >&- 2>&-\n";
  std::filesystem::permissions(starter, std::filesystem::perms::owner_all);
  program app(starter.string());
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  std::error_code ec;
  for (auto* stream : {"0", "1", "2"})
    EXPECT_EQ(
        std::filesystem::read_symlink("/proc/" + std::to_string(app.pid()) + "/fd/" + stream, ec),
        "/dev/null");
  EXPECT_EQ(app.stop(), 0);
}

TEST_F(systemd_fixture, what_is_said_to_the_manager_alone_reaches_no_service) {
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  for (auto pid : app.descendants()) {
    std::stringstream environment;
    environment << std::ifstream("/proc/" + std::to_string(pid) + "/environ").rdbuf();
    EXPECT_EQ(environment.str().find("NOTIFY_SOCKET"), std::string::npos) << pid;
    EXPECT_EQ(environment.str().find("WATCHDOG_USEC"), std::string::npos) << pid;
  }
}

TEST_F(applied_fixture, a_hangup_is_told_from_its_begin_to_its_end_and_what_came_of_it) {
  EXPECT_TRUE(next().starts_with("READY=1\n"));
  app->signal(SIGHUP);
  EXPECT_TRUE(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(next(), "READY=1\nSTATUS=the configuration is applied");
  write("[service.a]\ncomand = ['sleep']\n");
  app->signal(SIGHUP);
  EXPECT_TRUE(next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  auto told = next();
  EXPECT_TRUE(told.starts_with("READY=1\nSTATUS=the configuration is not applied: ")) << told;
  EXPECT_NE(told.find("did you mean 'command'?"), std::string::npos) << told;
}

TEST_F(applied_fixture, the_manager_executed_anew_says_so_and_that_it_serves) {
  EXPECT_TRUE(next().starts_with("READY=1\n"));
  ASSERT_EQ(app->api("POST", "/v1/daemon/reexec").status, 202);
  EXPECT_TRUE(next().starts_with("STATUS=executing "));
  auto told = next();
  EXPECT_TRUE(told.starts_with("READY=1\nMAINPID=" + std::to_string(app->pid()) + "\n")) << told;
}

TEST_F(orphans_fixture, a_fork_server_without_a_manager_ends_its_services_when_told_to) {
  auto family = app.descendants();
  auto server = fork_server();
  ASSERT_GT(server, 0);
  app.signal(SIGKILL);
  app.wait();
  ::kill(server, SIGTERM);
  for (auto pid : family)
    EXPECT_TRUE(eventually([&] { return !alive(pid); }, 5s)) << pid << " still lives";
  EXPECT_NE(app.log_of("a:0").find("destroyed"), std::string::npos) << "in order";
}

TEST_F(orphans_fixture, a_stop_of_the_whole_control_group_ends_all_in_order_and_at_once) {
  auto family = app.descendants();
  for (auto pid : family) ::kill(pid, SIGTERM);
  app.signal(SIGTERM);
  EXPECT_EQ(app.wait(8s), 0);
  for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
}

TEST_F(orphans_fixture, a_killed_manager_and_a_stop_of_the_rest_take_no_grace) {
  auto family = app.descendants();
  app.signal(SIGKILL);
  for (auto pid : family) ::kill(pid, SIGTERM);
  app.wait();
  for (auto pid : family)
    EXPECT_TRUE(eventually([&] { return !alive(pid); }, 5s)) << pid << " still lives";
}

}  // namespace sm::test
