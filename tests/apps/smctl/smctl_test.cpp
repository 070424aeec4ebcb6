// smctl against a running manager.
#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "exit_codes.hpp"

#include "smctl_fixture.hpp"

namespace sm::test {
namespace {

using smctl_with_manager = smctl_fixture;

}  // namespace

TEST_F(smctl_with_manager, status_shows_what_runs_and_exits_with_3_for_what_does_not) {
  auto all = smctl({"status"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_TRUE(has(all.out, "NAME")) << all.out;
  EXPECT_TRUE(has(all.out, "consumer.default  RUNNING  1/1")) << all.out;
  EXPECT_EQ(all.err, "");
  EXPECT_EQ(smctl({"stop", "b"}).code, 0);
  EXPECT_EQ(smctl({"status"}).code, 0) << "what was stopped by hand shall not run";
  auto stopped = smctl({"status", "b"});
  EXPECT_EQ(stopped.code, 3);
  EXPECT_TRUE(has(stopped.out, "STOPPED")) << stopped.out;
  EXPECT_FALSE(has(stopped.out, "consumer")) << stopped.out;
  EXPECT_EQ(smctl({"status", "-q", "a"}).out, "a\n");
  auto as_json = smctl({"status", "-o", "json"});
  EXPECT_EQ(json::parse(as_json.out)["services"].size(), 4U);
  auto lines = smctl({"status", "-o", "jsonl", "a", "b"}).out;
  EXPECT_EQ(json::parse(lines.substr(0, lines.find('\n')))["name"], "a");
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
}

#ifdef SMCTL_NEEDS_LIBC_ALONE
TEST(smctl, starts_with_the_libraries_of_c_alone) {
  // To bind those of C++, SQLite or OpenSSL would take longer than most verbs.
  auto dynamic = run_command({"readelf", "-d", SMCTL});
  ASSERT_EQ(dynamic.code, 0) << dynamic.err;
  std::set<std::string> needed;
  std::istringstream lines(dynamic.out);
  for (std::string line; std::getline(lines, line);)
    if (has(line, "(NEEDED)")) needed.insert(line.substr(line.find('[')));
  EXPECT_TRUE(needed.contains("[libc.so.6]")) << dynamic.out;
  std::erase_if(needed, [](auto& name) {
    return name == "[libc.so.6]" || name == "[libm.so.6]" || name.starts_with("[ld-linux");
  });
  EXPECT_EQ(needed, std::set<std::string>{});
}
#endif

TEST_F(smctl_with_manager, an_unknown_service_is_4_with_the_nearest_name) {
  EXPECT_EQ(add(tool_named("worker")).status, 201);
  auto unknown = smctl({"restart", "wroker"});
  EXPECT_EQ(unknown.code, 4);
  EXPECT_EQ(unknown.out, "");
  EXPECT_EQ(unknown.err, "smctl: there is no service called 'wroker'; did you mean 'worker'?\n");
  EXPECT_EQ(smctl({"restart", "work"}).code, 0) << "the beginning of one name alone";
  EXPECT_EQ(smctl({"remove", "work", "--yes"}).code, 4) << "what destroys takes no beginnings";
}

TEST_F(smctl_with_manager, start_stop_restart_scale_reset_and_signal_do_what_they_say) {
  auto pid = app.instance_pid("a");
  auto restarted = smctl({"restart", "a"});
  EXPECT_EQ(restarted.code, 0) << restarted.err;
  EXPECT_EQ(restarted.out, "");
  EXPECT_EQ(restarted.err, "a: restarted\n");
  EXPECT_NE(app.instance_pid("a"), pid);
  EXPECT_EQ(smctl({"stop", "-q", "a"}).err, "");
  EXPECT_EQ(app.service("a")["state"], "STOPPED");
  auto again = smctl({"stop", "a"});
  EXPECT_EQ(again.code, 7);
  EXPECT_EQ(again.err, "a: was stopped before\n");
  EXPECT_EQ(smctl({"signal", "HUP", "a"}).code, 7);
  EXPECT_EQ(smctl({"stop", "*"}).code, 0) << "of those that patterns mean, some may be stopped";
  EXPECT_EQ(smctl({"start", "a", "b"}).code, 0);
  EXPECT_TRUE(app.all_ready());
  EXPECT_EQ(smctl({"scale", "a", "3"}).code, 0);
  EXPECT_EQ(app.service("a")["instances"]["ready"], 3);
  EXPECT_EQ(smctl({"scale", "a", "-2"}).code, 0);
  EXPECT_EQ(app.service("a")["instances"]["desired"], 1);
  EXPECT_EQ(smctl({"scale", "a", "x"}).code, 2);
  EXPECT_EQ(smctl({"signal", "NOSUCH", "a"}).code, 2);
  EXPECT_EQ(smctl({"reload", "a"}).code, 0);
  EXPECT_EQ(smctl({"reset", "a"}).code, 0);
  auto documents = smctl({"restart", "a", "b", "-o", "jsonl"});
  EXPECT_EQ(std::count(documents.out.begin(), documents.out.end(), '\n'), 2) << documents.out;
}

TEST_F(smctl_with_manager, what_is_not_reached_in_time_is_75_and_what_fails_is_told) {
  EXPECT_EQ(add(tool_named("slow", {{"start_ms", 60'000}}, {{"start_timeout", "5m"}})).status, 201);
  auto late = smctl({"start", "slow", "--timeout", "300ms"});
  EXPECT_EQ(late.code, 75) << late.err;
  EXPECT_EQ(late.err.find("smctl: slow: is STARTING"), 0U) << late.err;
  auto waited = smctl({"wait", "slow", "--timeout", "200ms"});
  EXPECT_EQ(waited.code, 75);
  EXPECT_TRUE(has(waited.err, "not ready in time: slow (STARTING)")) << waited.err;
  EXPECT_EQ(smctl({"restart", "slow", "--no-wait"}).code, 0);
  EXPECT_EQ(add(tool_named("bad", {{"fail", true}}, quick_to_give_up)).status, 201);
  EXPECT_TRUE(reaches("bad", "FATAL"));
  EXPECT_EQ(smctl({"wait", "bad"}).code, 1);
  EXPECT_EQ(smctl({"status"}).code, 3);
  EXPECT_TRUE(has(smctl({"status", "bad"}).out, "no database"));
  EXPECT_EQ(smctl({"wait", "a", "b", "--for", "running"}).code, 0);
  EXPECT_EQ(smctl({"wait", "nobody", "--for", "gone"}).code, 0);
}

TEST_F(smctl_with_manager, what_destroys_needs_yes_where_nobody_can_be_asked) {
  auto refused = smctl({"remove", "b"});
  EXPECT_EQ(refused.code, 2);
  EXPECT_TRUE(has(refused.err, "--yes")) << refused.err;
  EXPECT_EQ(app.service("b")["state"], "RUNNING");
  auto dry = smctl({"remove", "b", "-n"});
  EXPECT_EQ(dry.out, "would be removed: b\n");
  EXPECT_EQ(app.service("b")["state"], "RUNNING");
  EXPECT_EQ(smctl({"remove", "b", "--yes"}).code, 0);
  EXPECT_EQ(smctl({"show", "b"}).code, 4);
}

TEST_F(smctl_with_manager, call_takes_pairs_or_json_and_shows_the_result) {
  EXPECT_EQ(smctl({"call", "a", "add", "x=1", "y=2"}).out, "3\n");
  EXPECT_EQ(smctl({"call", "a", "add", R"({"x": 3, "y": 4})"}).out, "7\n");
  EXPECT_EQ(smctl({"call", "a:0", "echo", "\"text\""}).out, "text\n");
  EXPECT_EQ(smctl({"call", "a", "echo", "\"\\u001b[31m\""}).out, "\\x1b[31m\n");
  EXPECT_EQ(smctl({"call", "a", "echo", "list=[1,2]", "-o", "jsonl"}).out, "{\"list\":[1,2]}\n");
  auto all = smctl({"call", "all", "name"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_EQ(all.out, "a: a/a:0\nb: b/b:0\n");
  EXPECT_EQ(smctl({"call", "a", "no_such"}).code, 1);
  EXPECT_EQ(smctl({"call", "a", "add", "x=1"}).code, 2);
  EXPECT_EQ(smctl({"call", "a", "echo", "word"}).code, 2);
  auto thrown = smctl({"call", "a", "throw"});
  EXPECT_EQ(thrown.code, 1);
  EXPECT_TRUE(has(thrown.err, "as asked")) << thrown.err;
  EXPECT_EQ(smctl({"call", "a", "hang", "3000", "--timeout", "100ms"}).code, 75);
  auto some = smctl({"call", "?", "pid", "--timeout", "200ms"});
  EXPECT_EQ(some.code, 1) << "one hangs, the other answers";
  EXPECT_EQ(some.out.find("b: "), 0U);
  EXPECT_EQ(smctl({"stop", "b"}).code, 0);
  EXPECT_EQ(smctl({"call", "b", "pid"}).code, 7);
}

TEST_F(smctl_with_manager, add_takes_files_and_command_lines_and_cat_prints_what_it_takes) {
  auto added = smctl({"add", "p", "-e", "A=[1]", "--set", "backoff.max=5s", "--", "sh", "-c",
                      "echo A is $A; exec sleep 1000"});
  EXPECT_EQ(added.code, 0) << added.err;
  EXPECT_TRUE(has(added.err, "p: added, RUNNING")) << added.err;
  EXPECT_TRUE(eventually([&] { return has(app.log_of("p:0"), "A is [1]"); }));
  EXPECT_EQ(app.service("p")["spec"]["backoff"]["max"], "5s");
  EXPECT_EQ(smctl({"add", "p", "--", "true"}).code, 1) << "the name is taken";
  EXPECT_EQ(smctl({"add", "q", "--type", "nosuch"}).code, 2);
  EXPECT_EQ(smctl({"add", "q"}).code, 2);
  EXPECT_EQ(smctl({"add", "q", "--set", "restrat=never", "--", "true"}).code, 2);

  EXPECT_EQ(smctl({"add", "w", "--type", "tool", "--set", "params.ticking=true"}).code, 0);
  auto spec = smctl({"cat", "w"});
  EXPECT_EQ(json::parse(spec.out),
            (json{{"name", "w"}, {"type", "tool"}, {"params", {{"ticking", true}}}}))
      << spec.out;
  EXPECT_TRUE(json::parse(smctl({"cat", "w", "--all"}).out).contains("watchdog"));
  EXPECT_EQ(smctl({"remove", "w", "-y"}).code, 0);
  EXPECT_EQ(smctl({"add", "-"}, spec.out).code, 0);
  EXPECT_EQ(app.service("w")["state"], "RUNNING");
}

TEST_F(smctl_with_manager, edit_sends_what_was_changed_and_keeps_what_was_refused) {
  auto edit = [&](const std::string& script) {
    return smctl({"edit", "a"}, {}, {"EDITOR=sed -i " + script, "VISUAL="});
  };
  auto changed = edit(R"('s/"stop_timeout": "10s"/"stop_timeout": "7s"/')");
  EXPECT_EQ(changed.code, 0) << changed.err;
  EXPECT_EQ(app.service("a")["spec"]["stop_timeout"], "7s");
  auto same = edit("s/x/x/");
  EXPECT_TRUE(has(same.err, "nothing to change")) << same.err;
  auto refused = edit(R"('s/"restart": "always"/"restart": "perhaps"/')");
  EXPECT_EQ(refused.code, 2) << refused.err;
  auto at = refused.err.find("what you wrote is in ");
  ASSERT_NE(at, std::string::npos) << refused.err;
  auto file = refused.err.substr(at + 21, refused.err.find('\n', at) - at - 21);
  EXPECT_TRUE(has(text_of(file), "perhaps"));
  std::filesystem::remove(file);
  EXPECT_EQ(smctl({"edit", "a"}, {}, {"EDITOR=false", "VISUAL="}).code, 1);
}

TEST_F(smctl_with_manager, logs_show_the_last_lines_of_one_or_several) {
  auto one = smctl({"logs", "a", "-n", "1"});
  EXPECT_EQ(one.code, 0) << one.err;
  EXPECT_TRUE(has(one.out, "a:0 info constructed\n")) << one.out;
  auto two = smctl({"logs", "a", "b", "-n", "1"});
  EXPECT_EQ(two.out.find("a | "), 0U) << two.out;
  EXPECT_TRUE(has(two.out, "\nb | ")) << two.out;
  EXPECT_FALSE(has(smctl({"logs", "a", "b", "--no-prefix"}).out, " | "));
  EXPECT_EQ(json::parse(smctl({"logs", "a", "-n", "1", "-o", "jsonl"}).out)["msg"], "constructed");
  EXPECT_EQ(smctl({"logs", "a:7"}).code, 4);
  EXPECT_EQ(smctl({"logs", "a", "--stdout", "--stderr"}).code, 2);
}

TEST_F(smctl_with_manager, events_are_shown_from_an_index_on) {
  EXPECT_EQ(smctl({"stop", "a"}).code, 0);
  auto all = smctl({"events", "--since", "0"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_TRUE(has(all.out, "service.state instance=a:0")) << all.out;
  auto last = smctl({"events", "-o", "jsonl", "--type", "service.*"}).out;
  last = last.substr(last.rfind('\n', last.size() - 2) + 1);
  EXPECT_EQ(json::parse(last)["data"]["state"], "STOPPED") << last;
}

TEST_F(smctl_with_manager, queues_take_jobs_and_are_paused_and_what_failed_is_put_back) {
  auto file = (app.state() / "notes").string();
  EXPECT_EQ(smctl({"queue", "pause", "default"}).code, 4) << "nobody has used it yet";
  auto pushed = smctl({"queue", "push", "Note", "file=" + file, "number=7", "mood=fail"});
  EXPECT_EQ(pushed.code, 0) << pushed.err;
  auto id = pushed.out.substr(0, pushed.out.size() - 1);
  ASSERT_TRUE(eventually([&] { return has(smctl({"queue", "failed", "-q"}).out, id); }));
  EXPECT_TRUE(has(smctl({"queue", "failed"}).out, "no mood for 7"));
  EXPECT_TRUE(has(smctl({"queue", "failed", id}).out, "error: "));
  EXPECT_EQ(smctl({"queue", "pause", "default"}).code, 0);
  EXPECT_EQ(smctl({"queue", "requeue", id}).code, 0);
  EXPECT_TRUE(has(smctl({"queue"}).out, "paused"));
  EXPECT_TRUE(has(smctl({"queue", "jobs", "default"}).out, id));
  EXPECT_EQ(smctl({"queue", "cancel", id}).code, 0);
  EXPECT_EQ(smctl({"queue", "resume", "default"}).code, 0);
  EXPECT_EQ(smctl({"queue", "requeue", "nosuch"}).code, 4);
  EXPECT_EQ(smctl({"queue", "requeue"}).code, 2);
  EXPECT_EQ(smctl({"queue", "drop", "all"}).code, 2);
  EXPECT_EQ(smctl({"queue", "drop", "all", "-y"}).code, 0);
  EXPECT_EQ(smctl({"queue", "limit", "fresh", "--concurrency", "2"}).code, 0);
  EXPECT_TRUE(has(smctl({"queue", "ls"}).out, "2 at a time"));
  EXPECT_EQ(smctl({"queue", "remove", "fresh", "-y"}).code, 0);
  auto exported = smctl({"queue", "push", "Noop", "--queue", "later", "--delay", "1h"});
  EXPECT_EQ(exported.code, 0) << exported.err;
  auto lines = smctl({"queue", "export", "--queue", "later"}).out;
  EXPECT_TRUE(has(lines, "Noop")) << lines;
  EXPECT_EQ(smctl({"queue", "import", "-"}, lines).err, "1 jobs imported\n");
}

TEST_F(smctl_with_manager, daemon_shows_and_stops_the_manager) {
  auto shown = smctl({"daemon"});
  EXPECT_EQ(shown.code, 0) << shown.err;
  EXPECT_TRUE(has(shown.out, "pid " + std::to_string(app.pid()))) << shown.out;
  EXPECT_TRUE(has(shown.out, "all is ready"));
  EXPECT_EQ(smctl({"daemon", "stop"}).code, 2);
  std::thread collector([&] { EXPECT_EQ(app.wait(), 0); });
  auto stopped = smctl({"daemon", "stop", "-y"});
  collector.join();
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  auto nobody = smctl({"status"});
  EXPECT_EQ(nobody.code, 69);
  EXPECT_EQ(nobody.err.find("smctl: unix://"), 0U) << nobody.err;
}

TEST_F(smctl_with_manager, doctor_finds_what_ails_and_says_what_to_do) {
  EXPECT_EQ(smctl({"doctor"}).code, 0);
  EXPECT_EQ(add(tool_named("bad", {{"fail", true}}, quick_to_give_up)).status, 201);
  EXPECT_TRUE(reaches("bad", "FATAL"));
  auto found = smctl({"doctor"});
  EXPECT_EQ(found.code, 1);
  EXPECT_TRUE(has(found.out, "error   bad is FATAL: ")) << found.out;
  EXPECT_TRUE(has(found.out, "smctl logs bad"));
}

TEST_F(smctl_with_manager, the_manager_is_found_by_variable_folder_or_url) {
  auto here = [&](std::vector<std::string> words, std::vector<std::string> environment) {
    std::vector<std::string> all{"env", "-C", app.state().string(), SMCTL};
    all.insert(all.end(), words.begin(), words.end());
    environment.insert(environment.end(), {"HOME=/nowhere", "XDG_STATE_HOME=/nowhere"});
    return run_command(all, {}, environment);
  };
  EXPECT_EQ(here({"status"}, {"SM_SERVER=unix://" + (app.state() / "sm.sock").string()}).code, 0);
  std::filesystem::create_directory_symlink(app.state(), app.state() / ".sm");
  EXPECT_EQ(here({"status"}, {"SM_SERVER="}).code, 0) << "the folder's .sm";
  auto url = "http://127.0.0.1:" + std::to_string(app.port());
  EXPECT_EQ(here({"status", "-s", url}, {}).code, 77) << "without the token";
  EXPECT_EQ(here({"status", "-s", url}, {"SM_TOKEN=" + app.token()}).code, 0);
  EXPECT_EQ(here({"status", "-s", url, "--token-file", "token"}, {}).code, 0);
  EXPECT_EQ(here({"status", "-s", "ftp://x"}, {}).code, 2);
  EXPECT_EQ(here({"daemon", "stop", "-y", "-s", url}, {"SM_TOKEN=" + app.token()}).code, 77);
}

TEST_F(smctl_with_manager, an_audit_log_that_somebody_changed_is_seen) {
  ASSERT_EQ(smctl({"stop", "b"}).code, 0);
  ASSERT_EQ(smctl({"start", "b"}).code, 0);
  auto listed = smctl({"audit"});
  EXPECT_NE(listed.out.find("services.stop"), std::string::npos) << listed.out;
  auto whole = smctl({"audit", "verify"});
  EXPECT_EQ(whole.code, 0) << whole.err;
  EXPECT_EQ(whole.out.find("2 lines, 1 to 2, as they were written"), 0U) << whole.out;
  auto copy = app.state() / "copy.log";
  std::ofstream(copy) << [&] {
    std::stringstream text;
    text << std::ifstream(app.state() / "log" / "audit.log").rdbuf();
    auto changed = text.str();
    changed.replace(changed.find("services.stop"), 13, "services.halt");
    return changed;
  }();
  std::ofstream(app.state() / "empty.log").flush();
  for (auto* none : {"empty.log", "log"})
    EXPECT_NE(smctl({"audit", "verify", (app.state() / none).string()}).code, 0) << none;
  auto broken = smctl({"audit", "verify", copy.string()});
  EXPECT_EQ(broken.code, 1) << broken.err;
  EXPECT_NE(broken.err.find("copy.log:1"), std::string::npos) << broken.err;
  EXPECT_NE(broken.err.find("not as it was written"), std::string::npos) << broken.err;
}

TEST_F(smctl_with_manager, every_exit_code_comes_of_what_its_row_says) {
  EXPECT_EQ(add(tool_named("slow", {{"start_ms", 60'000}}, {{"start_timeout", "5m"}})).status, 201);
  ASSERT_EQ(smctl({"stop", "b"}).code, 0);
  auto url = "http://127.0.0.1:" + std::to_string(app.port());
  struct row {
    int code;
    std::vector<std::string> words;
  };
  const std::vector<row> rows{{0, {"status", "a"}},
                              {0, {"stop", "-n", "a"}},
                              {1, {"call", "a", "no-such-command"}},
                              {2, {"frobnicate"}},
                              {2, {"status", "--no-such-option"}},
                              {2, {"remove", "a"}},
                              {2, {"import", "/dev/null"}},
                              {3, {"status", "b"}},
                              {4, {"status", "no-such-service"}},
                              {4, {"queue", "show", "no-such-queue"}},
                              {7, {"stop", "b"}},
                              {7, {"call", "b", "status"}},
                              {69, {"status", "-s", "unix:///nowhere/sm.sock"}},
                              {75, {"wait", "slow", "--timeout", "200ms"}},
                              {77, {"status", "-s", url}}};
  std::set<int> seen;
  for (auto& r : rows) {
    auto words = r.words;
    if (std::find(words.begin(), words.end(), "-s") == words.end())
      words.insert(words.begin(), {"-s", app.state().string()});
    words.insert(words.begin(), SMCTL);
    auto done = run_command(words);
    EXPECT_EQ(done.code, r.code) << r.words.front() << " " << r.words.back() << "\n" << done.err;
    EXPECT_EQ(done.code == 0 || r.code == 3, done.err.empty()) << r.words.back() << done.err;
    seen.insert(r.code);
  }
  for (auto& r : ctl::exit_rows()) EXPECT_TRUE(seen.contains(r.code)) << r.code;
}

TEST_F(smctl_with_manager, a_token_is_made_shown_used_and_revoked) {
  auto made = smctl({"token", "add", "ci", "--role", "operator", "--expires", "90d"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_TRUE(made.out.starts_with("sm_") && made.out.ends_with("\n")) << made.out;
  EXPECT_TRUE(has(made.err, "ci: made, operator")) << made.err;
  auto shown = smctl({"token", "ls"});
  EXPECT_TRUE(has(shown.out, "operator") && has(shown.out, made.out.substr(0, 9))) << shown.out;
  EXPECT_FALSE(has(shown.out, made.out.substr(0, 20)));
  auto over_tcp = [&](std::vector<std::string> words) {
    std::vector<std::string> all{SMCTL, "-s", "http://127.0.0.1:" + std::to_string(app.port())};
    all.insert(all.end(), words.begin(), words.end());
    return run_command(all, {}, {"SM_TOKEN=" + made.out.substr(0, made.out.size() - 1)});
  };
  EXPECT_EQ(over_tcp({"status"}).code, 0);
  auto refused = over_tcp({"token", "ls"});
  EXPECT_EQ(refused.code, 77);
  EXPECT_TRUE(has(refused.err, "the token 'ci' has the role operator, this takes admin"))
      << refused.err;
  EXPECT_EQ(smctl({"token", "add", "ci"}).code, 1) << "the name is taken";
  EXPECT_EQ(smctl({"token", "rm", "ci"}).code, 2) << "it asks, and there is no terminal";
  EXPECT_EQ(smctl({"token", "rm", "ci", "-y"}).code, 0);
  EXPECT_EQ(over_tcp({"status"}).code, 77);
  EXPECT_EQ(smctl({"token", "rm", "ci", "-y"}).code, 4);
}

TEST_F(smctl_with_manager, completion_offers_names_of_the_running_manager) {
  auto offered = [&](std::vector<std::string> words) {
    std::vector<std::string> all{SMCTL, "__complete", "--", "-s", app.state().string()};
    all.insert(all.end(), words.begin(), words.end());
    return run_command(all).out;
  };
  EXPECT_EQ(offered({"stop", "con"}), "consumer.default\tRUNNING\n");
  EXPECT_EQ(offered({"logs", "a:"}), "");
  EXPECT_EQ(offered({"call", "a", "ech"}), "echo\t\n");
  EXPECT_EQ(offered({"stop", "group:"}), "group:sm\tall of the group\n");
}

}  // namespace sm::test
