// The state folder of a running manager: what goes, what comes back, and a disk without room.
#include <set>

#include "small_disk.hpp"
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class folder_fixture : public supervision_fixture {
 protected:
  explicit folder_fixture(std::vector<std::string> arguments = {})
      : supervision_fixture(std::move(arguments)) {}

  std::set<std::string> names_in(const std::string& folder, const std::string& begin) const {
    std::set<std::string> found;
    std::error_code none;
    for (auto& entry : std::filesystem::directory_iterator(app.state() / folder, none))
      if (auto name = entry.path().filename().string(); name.starts_with(begin)) found.insert(name);
    return found;
  }
  void remove_service(const std::string& name) {
    EXPECT_EQ(app.api("DELETE", "/v1/services/" + name + "?wait=10s").status, 200) << name;
  }
  long constructed(const std::string& name) {
    auto log = app.log_of(name + ":0");
    long count = 0;
    for (std::size_t at = 0; (at = log.find("\"constructed", at)) != log.npos; ++at) ++count;
    return count;
  }
};

class keeps_no_logs : public folder_fixture {
 protected:
  keeps_no_logs() : folder_fixture({"--set", "log.keep_removed=0ms"}) {}
};

}  // namespace

TEST_F(keeps_no_logs, services_that_are_removed_leave_no_file) {
  for (int i = 0; i < 12; ++i)
    ASSERT_EQ(
        add(tool_named("gone" + std::to_string(i), json::object(), {{"instances", 2}})).status,
        201);
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(reaches("gone" + std::to_string(i), "RUNNING"));
  EXPECT_EQ(names_in("lock.d", "gone").size(), 24U);
  for (int i = 0; i < 12; ++i) remove_service("gone" + std::to_string(i));
  EXPECT_TRUE(eventually([&] {
    return names_in("lock.d", "gone").empty() && names_in("log", "gone").empty() &&
           names_in("log/removed", "gone").empty();
  }));
  EXPECT_FALSE(names_in("log", "a:0").empty());
}

TEST_F(folder_fixture, a_service_of_the_same_name_begins_with_a_log_of_its_own) {
  for (int round = 1; round <= 3; ++round) {
    ASSERT_EQ(add(tool_named("again")).status, 201) << round;
    ASSERT_TRUE(reaches("again", "RUNNING"));
    EXPECT_EQ(constructed("again"), 1) << round;
    // In the last round without waiting for the end: the next one of the name waits for it.
    if (round < 3) remove_service("again");
  }
  verb("again", "stop");
  EXPECT_EQ(app.api("DELETE", "/v1/services/again").status, 200);
  ASSERT_TRUE(eventually([&] { return add(tool_named("again")).status == 201; }));
  ASSERT_TRUE(reaches("again", "RUNNING"));
  EXPECT_EQ(constructed("again"), 1);
  EXPECT_EQ(names_in("log/removed", "again@").size(), 3U) << "what was is there to be read";
}

TEST_F(folder_fixture, files_of_services_that_nobody_knows_go_at_the_next_start) {
  ASSERT_EQ(app.stop(), 0);
  for (auto file : {"log/ghost:0.log", "log/ghost:1.out.2", "lock.d/ghost:0"})
    std::ofstream(app.state() / file) << "left\n";
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_TRUE(names_in("lock.d", "ghost").empty());
  EXPECT_TRUE(names_in("log", "ghost").empty());
  EXPECT_EQ(names_in("log/removed", "ghost@").size(), 1U);
  EXPECT_FALSE(names_in("log", "a:0").empty());
}

TEST_F(folder_fixture, sockets_and_folders_that_were_removed_come_back) {
  for (int round = 0; round < 2; ++round) {
    std::filesystem::remove(app.state() / "sm.sock");
    std::filesystem::remove(app.state() / "link.sock");
    std::filesystem::remove_all(app.state() / "log");
    std::filesystem::remove_all(app.state() / "lock.d");
    auto there = [&](const char* name) { return std::filesystem::exists(app.state() / name); };
    ASSERT_TRUE(eventually(
        [&] { return there("sm.sock") && there("link.sock") && there("log") && there("lock.d"); }));
  }
  auto restarted = verb("a", "restart");
  EXPECT_EQ(restarted["state"], "RUNNING") << restarted;
  EXPECT_FALSE(names_in("log", "a:0").empty());
  EXPECT_FALSE(names_in("lock.d", "a:0").empty());
  auto pid = app.instance_pid("b");
  app.signal(SIGKILL);
  EXPECT_EQ(app.wait(), -SIGKILL);
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(app.instance_pid("b"), pid) << "adopted by the new link socket";
}

TEST_F(folder_fixture, a_missing_lock_folder_is_made_again_by_who_needs_it) {
  // Both at once: the manager may come later than the process.
  std::filesystem::remove_all(app.state() / "lock.d");
  ASSERT_EQ(add(tool_named("fresh")).status, 201);
  EXPECT_TRUE(reaches("fresh", "RUNNING"));
}

TEST_F(folder_fixture, a_clean_stop_folds_the_databases_in) {
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(app.connect()
                  .request("POST", "/jobs",
                           json{{"file", "/dev/null"}, {"number", 1}, {"mood", ""}}.dump())
                  .status,
              200);
  ASSERT_EQ(app.stop(), 0);
  for (auto* name : {"state.db", "queue.db"}) {
    EXPECT_GT(std::filesystem::file_size(app.state() / name), 4096U) << name;
    EXPECT_FALSE(std::filesystem::exists(app.state() / (std::string(name) + "-wal"))) << name;
    EXPECT_FALSE(std::filesystem::exists(app.state() / (std::string(name) + "-shm"))) << name;
  }
}

TEST(full_disk, the_manager_starts_and_adopts_and_goes_on_when_there_is_room) {
  small_disk disk(16 << 10);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  ::setenv("TMPDIR", disk.path().c_str(), 1);  // where the program's state folder is made
  program app(TEST_PROGRAM);
  ::unsetenv("TMPDIR");
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  auto a = app.instance_pid("a"), b = app.instance_pid("b");
  app.signal(SIGKILL);
  EXPECT_EQ(app.wait(), -SIGKILL);
  // Nor is there room for what SQLite puts beside the files.
  std::filesystem::remove(app.state() / "state.db-shm");
  disk.fill();
  app.start();
  ASSERT_TRUE(eventually([&] { return app.service("a").value("state", "") == "RUNNING"; }));
  EXPECT_EQ(app.instance_pid("a"), a);
  ASSERT_TRUE(eventually([&] { return app.service("b").value("state", "") == "RUNNING"; }));
  EXPECT_EQ(app.instance_pid("b"), b);
  disk.fill();
  auto refused = app.api("POST", "/v1/services", tool_named("late").dump());
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.document()["code"], "unavailable") << refused.body;
  EXPECT_NE(refused.body.find("state.db"), std::string::npos) << refused.body;
  EXPECT_EQ(app.api("GET", "/v1/services/late").status, 404);
  // A restart needs no room, and is written down as soon as there is some.
  ::kill(a, SIGKILL);
  ASSERT_TRUE(eventually([&] {
    auto now = app.service("a");
    return now["restarts"] == 1 && now["state"] == "RUNNING";
  }));
  auto next = app.instance_pid("a");
  disk.make_room();
  ASSERT_TRUE(eventually(
      [&] { return app.api("POST", "/v1/services", tool_named("late").dump()).status == 201; }));
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  app.signal(SIGKILL);
  EXPECT_EQ(app.wait(), -SIGKILL);
  app.start();
  ASSERT_TRUE(eventually([&] { return app.all_ready(); }));
  EXPECT_EQ(app.instance_pid("a"), next);
  EXPECT_EQ(app.service("late")["state"], "RUNNING");
  EXPECT_EQ(app.stop(), 0);
}

}  // namespace sm::test
