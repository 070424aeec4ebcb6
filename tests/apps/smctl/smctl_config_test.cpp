// smctl beside smd and its file.
#include <fstream>
#include <optional>

#include "command.hpp"
#include "program.hpp"

#include <gtest/gtest.h>

namespace sm::test {
namespace {

class smctl_with_file : public ::testing::Test {
 protected:
  smctl_with_file() {
    write_beside({});
    app.emplace(SMD, std::vector<std::string>{"--config", file()});
    EXPECT_TRUE(eventually([&] { return app->all_ready(); }));
  }
  std::string file() const { return (folder_.path() / "smd.toml").string(); }
  void write(const std::string& text) const { std::ofstream(file()) << text; }
  /// The two services that there are from the start, and more.
  void write_beside(const std::string& more) const {
    write(
        "[service.one]\ncommand = [\"sleep\", \"1001\"]\n"
        "[service.two]\ncommand = [\"sleep\", \"1002\"]\n" +
        more);
  }
  command_result smctl(std::vector<std::string> words) const {
    words.insert(words.begin(), {SMCTL, "-s", app->state().string()});
    return run_command(words);
  }

  temporary_folder folder_;
  std::optional<program> app;
};

}  // namespace

TEST_F(smctl_with_file, plan_tells_by_its_exit_code_and_apply_carries_out_what_it_showed) {
  auto nothing = smctl({"plan"});
  EXPECT_EQ(nothing.code, 0) << nothing.err;
  EXPECT_EQ(nothing.out, "");
  EXPECT_EQ(nothing.err, "nothing would change\n");
  auto pid = app->instance_pid("one");

  write(
      "[service.one]\ncommand = [\"sleep\", \"1001\"]\nrestart = \"on-failure\"\n"
      "[service.two]\ncommand = [\"sleep\", \"2002\"]\n"
      "[service.three]\ncommand = [\"sleep\", \"1003\"]\n");
  auto shown = smctl({"plan"});
  EXPECT_EQ(shown.code, 2) << shown.err;
  EXPECT_TRUE(has(shown.out, "~ service two: two:0 is replaced\n")) << shown.out;
  EXPECT_TRUE(has(shown.out, "+ service three: three:0 is started\n")) << shown.out;
  EXPECT_TRUE(has(shown.out, "    /restart: \"always\" -> \"on-failure\"\n")) << shown.out;
  EXPECT_EQ(json::parse(smctl({"plan", "-o", "json"}).out)["changes"].size(), 3U);
  EXPECT_EQ(smctl({"apply", "-n"}).code, 0);
  EXPECT_EQ(smctl({"show", "three"}).code, 4) << "a dry run";
  auto applied = smctl({"apply"});
  EXPECT_EQ(applied.code, 0) << applied.err;
  EXPECT_TRUE(has(applied.err, "three: add, done\n")) << applied.err;
  EXPECT_EQ(smctl({"plan"}).code, 0);
  EXPECT_EQ(smctl({"status", "three"}).code, 0);
  EXPECT_EQ(app->instance_pid("one"), pid) << "what concerns no process keeps it";
  EXPECT_EQ(json::parse(smctl({"cat", "one"}).out)["restart"], "on-failure");
}

TEST_F(smctl_with_file, a_file_with_mistakes_is_1_with_every_place_and_is_not_applied) {
  write(
      "[service.one]\ncommand = [\"sleep\", \"1001\"]\nrequirs = [\"x\"]\nrestart = \"perhaps\"\n");
  auto shown = smctl({"plan"});
  EXPECT_EQ(shown.code, 1);
  EXPECT_TRUE(has(shown.out, file() + ":3:")) << shown.out;
  EXPECT_TRUE(has(shown.out, file() + ":4:")) << shown.out;
  EXPECT_EQ(smctl({"apply", "-y"}).code, 2);
  EXPECT_EQ(smctl({"status", "two"}).code, 0) << "nothing was touched";
}

TEST_F(smctl_with_file, what_apply_would_remove_is_asked_for) {
  write("[service.one]\ncommand = [\"sleep\", \"1001\"]\n");
  auto refused = smctl({"apply"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(has(refused.out, "- service two")) << refused.out;
  EXPECT_TRUE(has(refused.err, "--yes")) << refused.err;
  EXPECT_EQ(smctl({"status", "two"}).code, 0);
  EXPECT_EQ(smctl({"apply", "--yes"}).code, 0);
  EXPECT_EQ(smctl({"status", "two"}).code, 4);
}

TEST_F(smctl_with_file, reexec_keeps_every_pid) {
  auto pid = app->instance_pid("one");
  auto done = smctl({"daemon", "reexec"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(has(done.err, "executed anew, pid " + std::to_string(app->pid()))) << done.err;
  EXPECT_EQ(app->instance_pid("one"), pid);
  EXPECT_TRUE(has(smctl({"daemon"}).out, ", pid " + std::to_string(app->pid()) + "\nsmd "));
}

TEST_F(smctl_with_file, reexec_waits_for_the_new_manager_and_not_for_services) {
  write_beside("[service.bad]\ncommand = [\"false\"]\nintensity = { restarts = 0 }\n");
  EXPECT_EQ(smctl({"apply", "-y", "--no-wait"}).code, 0);
  ASSERT_TRUE(eventually([&] { return app->service("bad")["state"] == "FATAL"; }));
  auto done = smctl({"daemon", "reexec", "--timeout", "30s"});
  EXPECT_EQ(done.code, 0) << done.err;
  ASSERT_TRUE(eventually([&] { return app->service("bad")["state"] == "FATAL"; }));
  auto shown = smctl({"daemon"});
  EXPECT_EQ(shown.code, 3);
  EXPECT_TRUE(has(shown.out, "not ready:\n  bad ")) << shown.out;
}

TEST_F(smctl_with_file, doctor_looks_at_the_file_too) {
  EXPECT_TRUE(has(smctl({"doctor"}).out, "what runs is what " + file() + " says"));
  write(
      "[service.one]\ncommand = [\"sleep\", \"1\"]\n[service.two]\ncommand = [\"sleep\", "
      "\"2002\"]\n");
  EXPECT_TRUE(has(smctl({"doctor"}).out, "says something else than what runs"));
  write("[service.one]\ncomand = 1\n");
  auto found = smctl({"doctor"});
  EXPECT_EQ(found.code, 1);
  EXPECT_TRUE(has(found.out, file() + " has ")) << found.out;
}

TEST_F(smctl_with_file, what_has_ended_and_may_is_no_reason_to_be_unready) {
  write_beside("[service.once]\ncommand = [\"true\"]\nrestart = \"never\"\n");
  EXPECT_EQ(smctl({"apply", "-y", "--no-wait"}).code, 0);
  ASSERT_TRUE(eventually([&] { return app->service("once")["state"] == "EXITED"; }));
  EXPECT_TRUE(eventually([&] { return app->api("GET", "/readyz").status == 200; }));
  EXPECT_EQ(smctl({"daemon"}).code, 0);
  EXPECT_EQ(smctl({"status"}).code, 0);
  EXPECT_EQ(app->api("PATCH", "/v1/services/once", R"({"command": ["false"]})").status, 200);
  EXPECT_EQ(app->api("POST", "/v1/services/once/restart").status, 200);
  ASSERT_TRUE(eventually([&] { return app->service("once")["last_exit"] == "exit code 1"; }));
  ASSERT_TRUE(eventually([&] { return app->service("once")["state"] == "EXITED"; }));
  EXPECT_EQ(app->api("GET", "/readyz").status, 503) << "but it may not fail";
  EXPECT_EQ(smctl({"status"}).code, 3);
}

TEST_F(smctl_with_file, a_dry_run_does_nothing) {
  std::ofstream(folder_.path() / "jobs") << R"({"queue":"q","state":"ready","payload":"{}"})"
                                            "\n";
  auto jobs = smctl({"queue", "import", "-n", (folder_.path() / "jobs").string()});
  EXPECT_EQ(jobs.err, "1 jobs would be imported\n");
  EXPECT_EQ(app->api("GET", "/v1/queues").document()["queues"].size(), 0U);
  std::ofstream(folder_.path() / "Procfile") << "web: sleep 1\n";
  auto target = (folder_.path() / "made.toml").string();
  auto made = smctl({"import", "-n", (folder_.path() / "Procfile").string(), "-o", target});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(has(made.out, "[service.web]")) << made.out;
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(smctl_with_file, an_empty_name_is_told_as_one) {
  auto done = smctl({"queue", "pause", ""});
  EXPECT_EQ(done.code, 2);
  EXPECT_TRUE(has(done.err, "the queue: must not be empty")) << done.err;
}

TEST_F(smctl_with_file, who_requires_what_has_ended_well_starts) {
  write_beside(
      "[service.once]\ncommand = [\"true\"]\nrestart = \"never\"\n"
      "[service.late]\ncommand = [\"sleep\", \"1004\"]\nrequires = [\"once\"]\n");
  EXPECT_EQ(smctl({"apply", "-y", "--no-wait"}).code, 0);
  ASSERT_TRUE(eventually([&] { return app->service("once")["state"] == "EXITED"; }));
  EXPECT_TRUE(eventually([&] { return app->service("late")["state"] == "RUNNING"; }));
  EXPECT_EQ(smctl({"stop", "late"}).code, 0);
  EXPECT_EQ(smctl({"start", "late", "--timeout", "10s"}).code, 0) << "it has ended long since";
  EXPECT_EQ(smctl({"restart", "once", "late"}).code, 0) << "and nobody waits for more";
  EXPECT_EQ(smctl({"wait", "once", "late", "--timeout", "20s"}).code, 0);
}

TEST_F(smctl_with_file, reload_of_what_is_outdated_needs_no_names) {
  auto done = smctl({"reload", "--outdated"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(has(done.err, "none is outdated")) << done.err;
  EXPECT_EQ(smctl({"reload"}).code, 2);
}

}  // namespace sm::test
