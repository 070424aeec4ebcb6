// Two builds of one program: services keep their pids while the manager is replaced, and get the
// new build by a reload. Whoever is told to stop meanwhile stops.
#include <algorithm>

#include "process/build_id.hpp"
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

std::string content_of(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// Runs a copy of the test program that is replaced, as a package manager does it.
class upgrade_fixture : public ::testing::Test {
 protected:
  upgrade_fixture() {
    std::filesystem::copy_file(TEST_PROGRAM, executable());
    app.emplace(executable().string());
    EXPECT_TRUE(eventually([&] { return app->all_ready(); }));
  }

  std::filesystem::path executable() const { return folder_.path() / "program"; }

  /// Puts a file beside it and renames it over it. Returns its build.
  std::string replace(const std::string& content) {
    auto fresh = folder_.path() / "fresh";
    std::ofstream(fresh, std::ios::binary) << content;
    std::filesystem::permissions(fresh, std::filesystem::perms::owner_all);
    std::filesystem::rename(fresh, executable());
    return build_of(executable());
  }
  /// The same program as another build: only its id differs.
  std::string replace_by_another_build() {
    auto content = content_of(executable());
    auto id = build_of(executable());
    std::string bytes;
    for (std::size_t i = 0; i + 1 < id.size(); i += 2)
      bytes += static_cast<char>(std::stoi(id.substr(i, 2), nullptr, 16));
    auto at = content.find(bytes);
    EXPECT_NE(at, std::string::npos);
    content[at] = static_cast<char>(content[at] ^ 1);
    return replace(content);
  }
  json instance(const std::string& name) const { return app->service(name)["instance_list"][0]; }
  std::string build(const std::string& name) const {
    eventually([&] { return instance(name).contains("build"); });
    return instance(name).value("build", "");
  }
  http_reply verb(const std::string& name, const std::string& what) const {
    return app->api("POST", "/v1/services/" + name + "/" + what + "?wait=10s");
  }

  /// All that it started ends, services in order.
  void expect_an_orderly_end(const std::vector<pid_t>& family) {
    EXPECT_EQ(app->wait(), 0);
    for (auto pid : family) EXPECT_TRUE(eventually([&] { return !alive(pid); })) << pid;
    EXPECT_NE(app->log_of("a:0").find("destroyed"), std::string::npos);
  }

  temporary_folder folder_;
  std::optional<program> app;
};

}  // namespace

TEST_F(upgrade_fixture, a_reload_and_a_restart_start_the_new_file_and_the_old_one_is_marked) {
  auto first = build_of(executable());
  EXPECT_EQ(build("a"), first);
  EXPECT_FALSE(instance("a").contains("outdated"));
  auto a = app->instance_pid("a"), b = app->instance_pid("b");
  auto second = replace_by_another_build();
  ASSERT_NE(second, first);
  EXPECT_EQ(instance("a")["outdated"], true);
  EXPECT_EQ(app->service("b")["outdated"], true);
  EXPECT_EQ(verb("a", "reload").status, 200);
  EXPECT_NE(app->instance_pid("a"), a);
  EXPECT_EQ(build("a"), second);
  EXPECT_FALSE(instance("a").contains("outdated"));
  EXPECT_EQ(app->instance_pid("b"), b) << "nobody touched it";
  EXPECT_EQ(build("b"), first);
  EXPECT_EQ(verb("b", "restart").status, 200);
  EXPECT_EQ(build("b"), second);
}

TEST_F(upgrade_fixture, the_manager_is_replaced_and_every_service_keeps_its_pid) {
  auto first = build_of(executable());
  auto a = app->instance_pid("a"), b = app->instance_pid("b");
  auto second = replace_by_another_build();
  app->signal(SIGKILL);
  app->wait();
  app->start();
  ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  EXPECT_EQ(build_of_process(app->pid()), second);
  EXPECT_EQ(app->instance_pid("a"), a);
  EXPECT_EQ(app->instance_pid("b"), b);
  EXPECT_EQ(build("a"), first);
  EXPECT_EQ(instance("a")["outdated"], true);
  EXPECT_EQ(verb("a", "reload").status, 200);
  EXPECT_EQ(build("a"), second);
}

TEST_F(upgrade_fixture, a_manager_told_to_make_way_leaves_every_service_to_the_next) {
  auto a = app->instance_pid("a"), b = app->instance_pid("b");
  app->signal(SIGUSR2);
  EXPECT_EQ(app->wait(), 0);
  app->start();
  ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  EXPECT_EQ(app->instance_pid("a"), a);
  EXPECT_EQ(app->instance_pid("b"), b);
  EXPECT_EQ(app->service("a")["restarts"], 0);
}

TEST_F(upgrade_fixture, a_stop_before_the_executed_manager_can_heed_it_stops_the_services) {
  auto family = app->descendants();
  replace("#!/bin/sh\ncase \"$*\" in *--check*) exit 0 ;; esac\nkill -TERM $$\nexec '" TEST_PROGRAM
          "' \"$@\"\n");
  ASSERT_EQ(app->api("POST", "/v1/daemon/reexec").status, 202);
  expect_an_orderly_end(family);
}

TEST_F(upgrade_fixture, a_stop_while_the_manager_makes_way_stops_the_services) {
  for (bool executed : {true, false}) {
    auto family = app->descendants();
    auto held = app->connect();
    held.send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n");  // what it waits for
    ASSERT_EQ(app->api("GET", "/healthz").status, 200);
    if (executed)
      ASSERT_EQ(app->api("POST", "/v1/daemon/reexec").status, 202);
    else
      app->signal(SIGUSR2);
    ASSERT_TRUE(eventually([&] {
      return app->log_of("manager").find(executed ? "is executed anew" : "left to the next") !=
             std::string::npos;
    }));
    app->signal(SIGTERM);
    expect_an_orderly_end(family);
    app->start();
    ASSERT_TRUE(eventually([&] { return app->all_ready(); }));
  }
}

TEST_F(upgrade_fixture, a_new_file_that_does_not_start_costs_no_service) {
  auto b = app->instance_pid("b");
  replace("#!/bin/sh\nexit 1\n");
  ::kill(app->instance_pid("a"), SIGKILL);
  ASSERT_TRUE(eventually([&] {
    auto a = app->service("a");
    return a["restarts"] >= 1 && a["ready"] == true;
  })) << app->service("a");
  EXPECT_EQ(app->instance_pid("b"), b);
  EXPECT_NE(app->log_of("manager").find("does not start"), std::string::npos);
  EXPECT_EQ(instance("a")["outdated"], true);
}

}  // namespace sm::test
