// Every state with every event. Long because it is a table.
#include "service/lifecycle.hpp"

#include <gtest/gtest.h>

#include <map>

namespace sm {
using namespace std::chrono_literals;
using enum instance_state;
namespace {

const time_point now{5000s};

const service_spec spec{.name = "web",
                        .type = "t",
                        .backoff = {.min = 100ms, .jitter = 0},
                        .intensity = {.restarts = 3, .window = 60s},
                        .start_timeout = 10s,
                        .stop_timeout = 4s};

std::string name_of(const lifecycle_action& a) {
  struct namer {
    std::string operator()(const spawn_process&) { return "spawn"; }
    std::string operator()(const send_stop& s) {
      return "stop " + std::to_string(s.timeout.count());
    }
    std::string operator()(const send_stop_signal&) { return "signal"; }
    std::string operator()(const kill_tree&) { return "kill"; }
    std::string operator()(const dump_stack&) { return "dump"; }
    std::string operator()(const arm_timer& t) { return "arm " + std::to_string(t.delay.count()); }
    std::string operator()(const disarm_timer&) { return "disarm"; }
  };
  return std::visit(namer{}, a);
}

std::string feed(lifecycle& life, const lifecycle_event& e, const service_spec& s = spec) {
  std::string text;
  for (auto& a : advance(life, s, e, now, 0.5)) text += (text.empty() ? "" : ", ") + name_of(a);
  return text;
}

/// Its process ends, and with it all that it started.
std::string end(lifecycle& life, const exit_status& status, const service_spec& s = spec) {
  auto text = feed(life, process_ended{status}, s);
  auto then = feed(life, tree_gone{}, s);
  return then.empty() ? text : then;
}

lifecycle in(instance_state state) {
  lifecycle life;
  life.state = state;
  life.ready = state == running;
  if (state == running) life.ready_since = now - 1s;
  return life;
}

struct cell {
  instance_state next;
  std::string actions;
};

/// Every state with every event: this is the table of the documentation.
using cells = std::map<instance_state, cell>;
const std::vector<std::pair<std::pair<const char*, lifecycle_event>, cells>> table{
    {{"start", start_requested{}},
     {{stopped, {starting, "arm 10000, spawn"}},
      {starting, {starting, ""}},
      {running, {running, ""}},
      {backoff, {starting, "arm 10000, spawn"}},
      {stopping, {stopping, ""}},
      {exited, {starting, "arm 10000, spawn"}},
      {fatal, {starting, "arm 10000, spawn"}}}},
    {{"stop", stop_requested{}},
     {{stopped, {stopped, ""}},
      {starting, {stopping, "signal, arm 4000"}},
      {running, {stopping, "stop 4000, arm 2000"}},
      {backoff, {stopped, "disarm"}},
      {stopping, {stopping, ""}},
      {exited, {stopped, "disarm"}},
      {fatal, {stopped, "disarm"}}}},
    {{"restart", restart_requested{}},
     {{stopped, {starting, "arm 10000, spawn"}},
      {starting, {stopping, "signal, arm 4000"}},
      {running, {stopping, "stop 4000, arm 2000"}},
      {backoff, {starting, "arm 10000, spawn"}},
      {stopping, {stopping, ""}},
      {exited, {starting, "arm 10000, spawn"}},
      {fatal, {starting, "arm 10000, spawn"}}}},
    {{"reset", reset_requested{}},
     {{stopped, {stopped, ""}},
      {starting, {starting, ""}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {stopped, "disarm"}},
      {fatal, {stopped, "disarm"}}}},
    {{"spawn failed", spawn_failed{"no memory"}},
     {{stopped, {stopped, ""}},
      {starting, {starting, "arm 10000, spawn"}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopped, "disarm"}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"ready", became_ready{}},
     {{stopped, {stopped, ""}},
      {starting, {running, "disarm"}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"start failed", start_failed{"threw"}},
     {{stopped, {stopped, ""}},
      {starting, {starting, ""}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"timeout extended", timeout_extended{7s}},
     {{stopped, {stopped, ""}},
      {starting, {starting, "arm 7000"}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, "arm 7000"}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"link lost", link_lost{}},
     {{stopped, {stopped, ""}},
      {starting, {starting, "kill"}},
      {running, {running, "kill"}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"ended", process_ended{exited_with{3}}},
     {{stopped, {stopped, ""}},
      {starting, {starting, "arm 10000, spawn"}},
      {running, {starting, "arm 10000, spawn"}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, "disarm"}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"tree gone", tree_gone{}},
     {{stopped, {stopped, ""}},
      {starting, {starting, ""}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"timer", timer_fired{}},
     {{stopped, {stopped, ""}},
      {starting, {starting, "kill"}},
      {running, {running, "kill"}},
      {backoff, {starting, "arm 10000, spawn"}},
      {stopping, {stopping, "signal, arm 2000"}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"kill", kill_requested{}},
     {{stopped, {stopped, ""}},
      {starting, {starting, "kill"}},
      {running, {running, "kill"}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, "kill"}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"unresponsive", unresponsive{"silent"}},
     {{stopped, {stopped, ""}},
      {starting, {starting, ""}},
      {running, {running, "dump, arm 300"}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"condemned", condemned{"group failed"}},
     {{stopped, {stopped, ""}},
      {starting, {stopping, "signal, arm 4000"}},
      {running, {stopping, "stop 4000, arm 2000"}},
      {backoff, {fatal, "disarm"}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"found", process_found{}},
     {{stopped, {starting, "arm 10000"}},
      {starting, {starting, ""}},
      {running, {running, ""}},
      {backoff, {starting, "arm 10000"}},
      {stopping, {stopping, ""}},
      {exited, {starting, "arm 10000"}},
      {fatal, {starting, "arm 10000"}}}},
    {{"end found", end_found{exited_with{0}}},
     {{stopped, {exited, "disarm"}},
      {starting, {starting, ""}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
    {{"adopted", process_adopted{.ready_since = now - 60s}},
     {{stopped, {stopped, ""}},
      {starting, {running, "disarm"}},
      {running, {running, ""}},
      {backoff, {backoff, ""}},
      {stopping, {stopping, ""}},
      {exited, {exited, ""}},
      {fatal, {fatal, ""}}}},
};

}  // namespace

TEST(lifecycle, the_table_of_transitions_holds_for_every_state_and_event) {
  ASSERT_EQ(table.size(), std::variant_size_v<lifecycle_event>);
  for (auto& [event, cells] : table) {
    ASSERT_EQ(cells.size(), instance_state_count) << event.first;
    for (auto& [state, expected] : cells) {
      auto life = in(state);
      auto actions = feed(life, event.second);
      EXPECT_EQ(actions, expected.actions) << to_string(state) << " + " << event.first;
      EXPECT_EQ(to_string(life.state), to_string(expected.next))
          << to_string(state) << " + " << event.first;
      EXPECT_EQ(life.ready && life.state != running, false);
    }
  }
}

TEST(lifecycle, an_adopted_process_keeps_its_start_and_is_ready_once_it_answers) {
  lifecycle life;
  feed(life, process_found{});
  EXPECT_EQ(feed(life, process_adopted{.ready_since = now - 60s}), "disarm");
  EXPECT_EQ(life.since, now - 60s);
  EXPECT_FALSE(life.ready);
  feed(life, became_ready{});
  EXPECT_TRUE(life.ready);
  EXPECT_EQ(life.since, now - 60s);
  EXPECT_EQ(life.reason, "");
}

TEST(lifecycle, an_end_that_an_earlier_manager_saw_is_shown_as_it_was) {
  lifecycle life;
  feed(life, end_found{killed_by{9}, true, "out of memory (SIGKILL)"});
  EXPECT_EQ(life.state, exited);
  EXPECT_EQ(life.last_exit, exit_status{killed_by{9}});
  EXPECT_TRUE(life.failed);
  EXPECT_EQ(life.reason, "out of memory (SIGKILL)");
  EXPECT_EQ(life.last_end, life.reason);
}

TEST(lifecycle, a_process_found_stopping_ends_and_is_started_again_unless_it_shall_not) {
  for (bool wanted : {true, false}) {
    lifecycle life;
    feed(life, process_found{});
    EXPECT_EQ(feed(life, process_adopted{.stopping = true, .ready_since = {}}), "arm 2000");
    if (!wanted) feed(life, stop_requested{});
    EXPECT_EQ(end(life, exited_with{0}), wanted ? "arm 10000, spawn" : "disarm");
  }
}

TEST(lifecycle, a_process_that_ended_without_a_manager_is_restarted_by_its_policy) {
  lifecycle life;
  feed(life, process_found{});
  EXPECT_EQ(end(life, killed_by{9}), "arm 10000, spawn");
  EXPECT_EQ(life.restarts, 1U);
  auto once = spec;
  once.restart = restart_policy::never;
  lifecycle other;
  feed(other, process_found{}, once);
  end(other, exited_with{0}, once);
  EXPECT_EQ(other.state, exited);
  EXPECT_EQ(other.reason, "exit code 0") << "it is waited for no more";
}

TEST(lifecycle, a_condemned_process_ends_and_is_fatal_unless_somebody_starts_it) {
  for (bool wanted : {false, true}) {
    auto life = in(running);
    feed(life, condemned{"its group failed"});
    if (wanted) feed(life, start_requested{});
    end(life, exited_with{0});
    EXPECT_EQ(life.state, wanted ? starting : fatal);
    EXPECT_EQ(life.reason, wanted ? "" : "its group failed");
  }
}

TEST(lifecycle, what_a_process_said_at_its_end_outlasts_its_link) {
  auto life = in(running);
  feed(life, start_failed{"unhealthy"});
  feed(life, link_lost{});
  end(life, killed_by{9});
  EXPECT_EQ(life.last_end, "unhealthy (SIGKILL)");
}

TEST(lifecycle, a_hanging_process_writes_its_stacks_and_is_killed) {
  auto life = in(running);
  EXPECT_EQ(feed(life, unresponsive{"no sign of life for 5s"}), "dump, arm 300");
  EXPECT_FALSE(life.ready);
  EXPECT_EQ(feed(life, timer_fired{}), "kill");
  end(life, killed_by{9});
  EXPECT_EQ(life.state, starting);
}

TEST(lifecycle, a_crash_loop_backs_off_and_becomes_fatal_with_its_reason) {
  lifecycle life;
  feed(life, start_requested{});
  std::vector<std::string> path;
  for (int i = 0; i < 4; ++i) {
    feed(life, start_failed{"no database"});
    end(life, exited_with{70});
    path.emplace_back(to_string(life.state));
    if (life.state == backoff) feed(life, timer_fired{});
  }
  EXPECT_EQ(path, (std::vector<std::string>{"STARTING", "BACKOFF", "BACKOFF", "FATAL"}));
  EXPECT_EQ(life.reason, "3 restarts within 1m, last: no database (exit code 70)");
  EXPECT_EQ(life.restarts, 3U);
  EXPECT_EQ(life.last_exit, exit_status{exited_with{70}});
}

TEST(lifecycle, a_start_out_of_fatal_begins_with_a_clean_history) {
  auto life = in(fatal);
  life.history.restarts = {now, now, now};
  life.history.failures_in_a_row = 9;
  feed(life, start_requested{});
  EXPECT_EQ(life.state, starting);
  EXPECT_EQ(life.history, restart_history{});
}

TEST(lifecycle, what_the_user_stopped_is_not_started_again_by_policy) {
  auto life = in(running);
  feed(life, stop_requested{});
  end(life, killed_by{15});
  EXPECT_EQ(life.state, stopped);
  EXPECT_EQ(feed(life, timer_fired{}), "");
}

TEST(lifecycle, a_start_during_a_stop_is_kept_for_after_it_and_a_stop_takes_it_back) {
  auto life = in(running);
  feed(life, stop_requested{});
  feed(life, start_requested{});
  auto second = life;
  EXPECT_EQ(end(life, exited_with{0}), "arm 10000, spawn");
  feed(second, stop_requested{});
  end(second, exited_with{0});
  EXPECT_EQ(second.state, stopped);
}

TEST(lifecycle, a_stop_pre_empts_a_start_that_is_under_way) {
  auto life = in(starting);
  EXPECT_EQ(feed(life, stop_requested{}), "signal, arm 4000");
  EXPECT_EQ(feed(life, became_ready{}), "");
  EXPECT_EQ(feed(life, timer_fired{}), "kill");
  end(life, killed_by{9});
  EXPECT_EQ(life.state, stopped);
}

TEST(lifecycle, a_stop_escalates_from_message_to_signal_to_kill_within_its_timeout) {
  auto life = in(running);
  EXPECT_EQ(feed(life, stop_requested{}), "stop 4000, arm 2000");
  EXPECT_EQ(feed(life, timer_fired{}), "signal, arm 2000");
  EXPECT_EQ(feed(life, timer_fired{}), "kill");
}

TEST(lifecycle, an_extended_timeout_is_never_shorter_than_without) {
  lifecycle life;
  feed(life, start_requested{});
  EXPECT_EQ(feed(life, timeout_extended{1s}), "arm 10000");
  EXPECT_EQ(feed(life, timeout_extended{60s}), "arm 60000");
  feed(life, became_ready{});
  feed(life, stop_requested{});
  EXPECT_EQ(feed(life, timeout_extended{1s}), "arm 4000");
  EXPECT_EQ(feed(life, timer_fired{}), "kill") << "it heard of the stop";
}

TEST(lifecycle, a_program_has_all_of_its_stop_timeout_before_its_adapter_is_killed) {
  auto program = spec;
  program.command = {"true"};
  auto life = in(running);
  EXPECT_EQ(feed(life, stop_requested{}, program), "stop 4000, arm 2000");
  EXPECT_EQ(feed(life, timer_fired{}, program), "signal, arm 3000");
  EXPECT_EQ(feed(life, timer_fired{}, program), "kill");
}

TEST(lifecycle, an_end_that_was_called_a_failure_is_one_however_clean_its_status) {
  auto careful = spec;
  careful.restart = restart_policy::on_failure;
  for (bool failure : {true, false}) {
    auto life = in(running);
    feed(life, start_failed{"unhealthy", failure}, careful);
    feed(life, process_ended{killed_by{15}}, careful);
    feed(life, tree_gone{}, careful);
    EXPECT_EQ(life.state, failure ? starting : exited);
  }
}

TEST(lifecycle, a_restart_by_policy_needs_no_pause_after_a_first_failure) {
  auto life = in(running);
  EXPECT_EQ(end(life, killed_by{9}), "arm 10000, spawn");
  EXPECT_EQ(life.restarts, 1U);
}

TEST(lifecycle, a_policy_of_never_leaves_it_exited_with_the_reason) {
  auto never = spec;
  never.restart = restart_policy::never;
  auto life = in(running);
  end(life, exited_with{3}, never);
  EXPECT_EQ(life.state, exited);
  EXPECT_EQ(life.reason, "exit code 3");
}

TEST(lifecycle, a_start_that_takes_too_long_says_so) {
  auto life = in(starting);
  feed(life, timer_fired{});
  auto never = spec;
  never.restart = restart_policy::never;
  end(life, killed_by{9}, never);
  EXPECT_EQ(life.reason, "not ready within 10s (SIGKILL)");
}

TEST(lifecycle, where_an_instance_comes_to_rest_is_decided_when_nothing_of_its_tree_is_left) {
  auto never = spec;
  never.restart = restart_policy::never;
  auto life = in(running);
  EXPECT_EQ(feed(life, process_ended{exited_with{3}}, never), "disarm");
  EXPECT_EQ(life.state, stopping);
  EXPECT_FALSE(at_rest(life.state));
  EXPECT_EQ(feed(life, timer_fired{}, never), "") << "there is nobody to signal";
  EXPECT_EQ(feed(life, kill_requested{}, never), "");
  auto stopped_meanwhile = life, started_meanwhile = life, condemned_meanwhile = life;
  feed(life, tree_gone{}, never);
  EXPECT_EQ(life.state, exited);
  EXPECT_EQ(life.reason, "exit code 3");

  feed(stopped_meanwhile, stop_requested{}, never);
  feed(stopped_meanwhile, tree_gone{}, never);
  EXPECT_EQ(stopped_meanwhile.state, stopped);
  feed(started_meanwhile, start_requested{}, never);
  EXPECT_EQ(feed(started_meanwhile, tree_gone{}, never), "arm 10000, spawn");
  feed(condemned_meanwhile, condemned{"group failed"}, never);
  feed(condemned_meanwhile, tree_gone{}, never);
  EXPECT_EQ(condemned_meanwhile.state, fatal);
}

TEST(lifecycle, a_stop_is_over_when_nothing_of_the_tree_is_left) {
  auto life = in(running);
  feed(life, stop_requested{});
  feed(life, process_ended{killed_by{15}});
  EXPECT_EQ(life.state, stopping);
  feed(life, process_ended{killed_by{9}});
  EXPECT_EQ(life.last_exit, exit_status{killed_by{15}}) << "there was one end";
  feed(life, tree_gone{});
  EXPECT_EQ(life.state, stopped);
}

TEST(lifecycle, a_restart_is_counted_once_however_long_its_tree_takes) {
  auto life = in(running);
  life.history.failures_in_a_row = 1;
  feed(life, process_ended{killed_by{9}});
  EXPECT_EQ(life.restarts, 0U);
  feed(life, tree_gone{});
  EXPECT_EQ(life.state, backoff);
  EXPECT_EQ(life.restarts, 1U);
  EXPECT_EQ(life.history.restarts.size(), 1U);
}

}  // namespace sm
