#include "dashboard/views.hpp"

#include <gtest/gtest.h>

namespace sm {
namespace {

json service(const char* name, const char* state, bool wanted, bool ready) {
  return {{"name", name},
          {"state", state},
          {"desired", wanted ? "running" : "stopped"},
          {"ready", ready},
          {"instances", {{"desired", 1}, {"running", ready ? 1 : 0}, {"ready", ready ? 1 : 0}}},
          {"restarts", 2},
          {"uptime_s", 61},
          {"pid", ready ? 17 : 0},
          {"memory_bytes", ready ? 3 << 20 : 0}};
}

json overview_of(json services) {
  page_documents documents;
  documents["services"] = json{{"services", std::move(services)}};
  return overview_view({}, documents);
}

std::vector<std::string> names(const json& rows) {
  std::vector<std::string> all;
  for (auto& row : rows) all.push_back(row["name"]);
  return all;
}

}  // namespace

TEST(views, what_needs_attention_is_what_shall_run_and_does_not_the_worst_first) {
  auto one_shot = service("migrate", "EXITED", true, false);
  one_shot["done"] = true;
  auto reloaded = service("old", "RUNNING", true, true);
  reloaded["rollout"] = "not ready in time";
  auto shown =
      overview_of({service("up", "RUNNING", true, true), service("slow", "RUNNING", true, false),
                   service("off", "STOPPED", false, false), one_shot, reloaded,
                   service("dead", "FATAL", true, false)});
  EXPECT_EQ(names(shown["attention"]), (std::vector<std::string>{"dead", "slow", "old"}));
  EXPECT_EQ(shown["cards"][0]["value"], "2");
  EXPECT_EQ(shown["cards"][0]["note"], "of 4 that shall run");
  EXPECT_FALSE(shown["queue_any"]);
}

TEST(views, with_all_ready_nothing_needs_attention) {
  auto shown = overview_of({service("up", "RUNNING", true, true)});
  EXPECT_FALSE(shown["attention_any"]);
  EXPECT_EQ(shown["attention_none"], "Nothing: all that shall run is ready.");
}

TEST(views, a_row_of_the_services_has_the_verbs_that_make_sense) {
  page_documents documents;
  documents["services"] =
      json{{"services",
            {service("up", "RUNNING", true, true), service("off", "STOPPED", false, false),
             service("dead", "FATAL", true, false)}}};
  auto rows = services_view({}, documents)["services"];
  EXPECT_TRUE(rows[0]["may_stop"]);
  EXPECT_FALSE(rows[0]["may_start"]);
  EXPECT_EQ(rows[0]["memory"], "3.0M");
  EXPECT_EQ(rows[0]["uptime"], "1m01s");
  EXPECT_EQ(rows[0]["ready"], "1/1");
  EXPECT_TRUE(rows[1]["may_start"]);
  EXPECT_FALSE(rows[1]["may_stop"]);
  EXPECT_TRUE(rows[2]["may_start"]);
  EXPECT_TRUE(rows[2]["may_reset"]);
}

TEST(views, a_part_of_the_services_says_of_how_many_and_leads_on) {
  page_documents documents;
  documents["services"] =
      json{{"services", {service("up", "RUNNING", true, true)}}, {"total", 1234}, {"next", 100}};
  auto shown = services_view({.query = {{"q", "u p"}, {"offset", "0"}}}, documents);
  EXPECT_EQ(shown["count"], "1 of 1,234 services");
  EXPECT_EQ(shown["next"], "/ui/services?offset=100&q=u%20p");
  EXPECT_EQ(shown["all"], "/ui/services?limit=100000&q=u%20p");
  documents["services"] =
      json{{"services", {service("up", "RUNNING", true, true)}}, {"total", 1}, {"next", nullptr}};
  shown = services_view({}, documents);
  EXPECT_EQ(shown["count"], "1 service");
  EXPECT_FALSE(shown["parted"]);
}

TEST(views, the_configuration_shows_what_is_not_as_it_is_by_default) {
  page_documents documents;
  auto shown = service("web", "RUNNING", true, true);
  shown["spec"] = {{"name", "web"}, {"instances", 1}, {"stop_timeout", "5s"}, {"nice", 5}};
  documents["service"] = shown;
  auto rows = service_view({}, documents)["specification"];
  std::vector<std::string> keys;
  for (auto& row : rows) keys.push_back(row["key"]);
  EXPECT_EQ(keys, (std::vector<std::string>{"name", "stop_timeout", "nice"}));
  for (auto& row : rows) EXPECT_FALSE(row["doc"].get<std::string>().empty());
}

TEST(views, events_come_with_the_newest_first_and_say_why) {
  auto shown = events_model(
      {{"events",
        {{{"index", 1}, {"type", "service.added"}, {"data", {{"service", "web"}, {"by", "uid 0"}}}},
         {{"index", 2},
          {"type", "service.state"},
          {"data",
           {{"time", "2026-11-30T16:41:30.123456Z"},
            {"service", "web"},
            {"instance", "web:0"},
            {"state", "BACKOFF"},
            {"ready", false},
            {"restarts", 0},
            {"reason", "killed by SIGKILL"}}}}}}});
  auto& rows = shown["events"];
  EXPECT_EQ(rows[0]["index"], 2);
  EXPECT_EQ(rows[0]["clock"], "16:41:30");
  EXPECT_EQ(rows[0]["about"], "web:0");
  EXPECT_EQ(rows[0]["href"], "/ui/services/web");
  EXPECT_EQ(rows[0]["what"], "killed by SIGKILL");
  EXPECT_EQ(rows[1]["what"], "by uid 0");
}

TEST(views, plots_reach_from_the_oldest_to_now_and_from_none_to_most) {
  auto shown = plots_model({{"step_s", 20},
                            {"done", {0, 40, 20}},
                            {"failed", {0, 0, 0}},
                            {"took_s", {0, 0.5, 0.25}},
                            {"ready", {0, 1000, 1200}},
                            {"latency_s", {0, 30, 90}}});
  auto& plots = shown["plots"];
  EXPECT_EQ(plots[0]["points"], "0.0,120.0 300.0,0.0 600.0,60.0");
  EXPECT_EQ(plots[0]["now"], "1/s");
  EXPECT_EQ(plots[0]["most"], "2/s");
  EXPECT_EQ(plots[0]["from"], "1m00s ago");
  EXPECT_EQ(plots[1]["points"], "0.0,120.0 300.0,120.0 600.0,120.0");
  EXPECT_EQ(plots[2]["now"], "1,200");
  EXPECT_EQ(plots[3]["now"], "1m30s");
  EXPECT_TRUE(plots_model({{"step_s", 20}, {"done", json::array()}})["plots"].empty());
}

TEST(views, numbers_are_grouped) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(12'345'678), "12,345,678");
}

TEST(views, times_are_told_from_now) {
  EXPECT_EQ(time_from_now(0, 1000), "never");
  EXPECT_EQ(time_from_now(10'000, 70'000), "1m00s ago");
  EXPECT_EQ(time_from_now(70'000, 10'000), "in 1m00s");
}

}  // namespace sm
