#include "service/restart_history.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace sm {
using namespace std::chrono_literals;
namespace {

const time_point start{1000s};

restart_decision after_end(const service_spec& s, restart_history& h,
                           std::optional<exit_status> status, time_point now,
                           std::optional<std::chrono::milliseconds> ran = std::nullopt) {
  return decide_restart(s, h, status, ran, now, 0.5);
}
bool restarts(const restart_decision& d) { return std::holds_alternative<restart_after>(d); }

}  // namespace

TEST(restart_policy, each_policy_meets_each_kind_of_end) {
  struct row {
    restart_policy policy;
    std::optional<exit_status> status;
    bool again;
  };
  const row table[] = {
      {restart_policy::always, exited_with{0}, true},
      {restart_policy::always, exited_with{3}, true},
      {restart_policy::always, exited_with{1}, true},
      {restart_policy::always, killed_by{9}, true},
      {restart_policy::always, vanished{}, true},
      {restart_policy::always, std::nullopt, true},
      {restart_policy::on_failure, exited_with{0}, false},
      {restart_policy::on_failure, exited_with{3}, false},
      {restart_policy::on_failure, exited_with{1}, true},
      {restart_policy::on_failure, killed_by{9}, true},
      {restart_policy::on_failure, killed_by{SIGTERM}, false},
      {restart_policy::on_failure, killed_by{SIGHUP}, false},
      {restart_policy::on_failure, killed_by{SIGINT}, false},
      {restart_policy::on_failure, killed_by{SIGPIPE}, false},
      {restart_policy::on_failure, killed_by{SIGSEGV}, true},
      {restart_policy::always, killed_by{SIGTERM}, true},
      {restart_policy::on_failure, vanished{}, true},
      {restart_policy::on_failure, std::nullopt, true},
      {restart_policy::never, exited_with{0}, false},
      {restart_policy::never, exited_with{1}, false},
      {restart_policy::never, killed_by{9}, false},
      {restart_policy::never, std::nullopt, false},
  };
  for (auto& r : table) {
    service_spec s{.restart = r.policy, .success_exit_codes = {0, 3}};
    restart_history h;
    EXPECT_EQ(restarts(after_end(s, h, r.status, start)), r.again)
        << static_cast<int>(r.policy) << " " << (r.status ? to_string(*r.status) : "no process");
  }
}

TEST(backoff, the_first_restart_is_at_once_then_the_pause_grows_to_its_maximum) {
  backoff_policy p{.min = 100ms, .max = 1s, .factor = 2, .jitter = 0};
  std::vector<std::chrono::milliseconds> pauses;
  for (unsigned n = 0; n < 7; ++n) pauses.push_back(backoff_delay(p, n, 0));
  EXPECT_EQ(pauses, (std::vector<std::chrono::milliseconds>{0ms, 100ms, 200ms, 400ms, 800ms, 1000ms,
                                                            1000ms}));
  EXPECT_EQ(backoff_delay(p, 1'000'000, 0), 1s);
}

TEST(backoff, jitter_spreads_the_pause_to_both_sides_and_never_beyond_the_maximum) {
  backoff_policy p{.min = 100ms, .max = 110ms, .factor = 2, .jitter = 0.2};
  EXPECT_EQ(backoff_delay(p, 1, 0.0), 80ms);
  EXPECT_EQ(backoff_delay(p, 1, 0.5), 100ms);
  EXPECT_EQ(backoff_delay(p, 1, 0.999), 110ms);
}

TEST(backoff, a_long_enough_run_starts_over) {
  service_spec s{.backoff = {.min = 100ms, .jitter = 0, .reset_after = 10s}};
  restart_history h;
  for (int i = 0; i < 3; ++i) after_end(s, h, exited_with{1}, start, 1s);
  EXPECT_EQ(std::get<restart_after>(after_end(s, h, exited_with{1}, start, 9s)).delay, 400ms);
  EXPECT_EQ(std::get<restart_after>(after_end(s, h, exited_with{1}, start, 10s)).delay, 0ms);
}

TEST(intensity, more_than_the_allowed_restarts_within_the_window_give_up_with_the_reason) {
  service_spec s{.intensity = {.restarts = 3, .window = 10s}};
  restart_history h;
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(restarts(after_end(s, h, exited_with{1}, start + i * 1s)));
  auto decision = after_end(s, h, exited_with{1}, start + 9s);
  ASSERT_TRUE(std::holds_alternative<give_up>(decision));
  EXPECT_EQ(std::get<give_up>(decision).reason, "3 restarts within 10s");
}

TEST(intensity, restarts_older_than_the_window_are_forgotten) {
  service_spec s{.intensity = {.restarts = 3, .window = 10s}};
  restart_history h;
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(restarts(after_end(s, h, exited_with{1}, start + i * 4s))) << i;
}

TEST(intensity, none_allowed_gives_up_at_the_first_end) {
  service_spec s{.intensity = {.restarts = 0, .window = 10s}};
  restart_history h;
  EXPECT_TRUE(std::holds_alternative<give_up>(after_end(s, h, std::nullopt, start)));
}

}  // namespace sm
