// What /metrics says of services, requests, commands and the manager's process.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>

#include "telemetry/process_metrics.hpp"
#include "telemetry/service_metrics.hpp"
#include "telemetry/traffic_metrics.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

void expect_lines(const metric_page& page, std::initializer_list<const char*> lines) {
  for (auto* line : lines) EXPECT_TRUE(has_line(page.text(), line)) << line << "\n" << page.text();
}

}  // namespace

TEST(metric_page, samples_are_written_as_openmetrics_has_them) {
  metric_page page;
  page.family("x", "gauge", "Help.");
  page.sample("x", {}, 3U);
  page.sample("x", {{"a", "b"}, {"none", ""}, {"c", "d"}}, std::uint64_t{1} << 63);
  page.sample("x", {{"a", "\"\\\n\xff"}}, 0.5);
  page.sample("x", {{"none", ""}}, 1e-7);
  page.sample("x", {}, std::numeric_limits<double>::infinity());
  page.sample("x", {}, std::nan(""));
  EXPECT_EQ(page.text(),
            "# TYPE x gauge\n# HELP x Help.\nx 3\nx{a=\"b\",c=\"d\"} 9223372036854775808\n"
            "x{a=\"\\\"\\\\\\n\xef\xbf\xbd\"} 0.5\nx 1e-07\nx +Inf\nx NaN\n");
}

TEST(histogram, each_duration_counts_in_every_bucket_that_holds_it) {
  request_histogram h;
  for (double seconds : {0.0, 0.0001, 0.00011, 0.9, 1000.0}) h.add(seconds);
  metric_page page;
  h.write(page, "h", {{"of", "x"}});
  expect_lines(page, {"h_bucket{of=\"x\",le=\"0.0001\"} 2", "h_bucket{of=\"x\",le=\"0.00025\"} 3",
                      "h_bucket{of=\"x\",le=\"0.25\"} 3", "h_bucket{of=\"x\",le=\"1.0\"} 4",
                      "h_bucket{of=\"x\",le=\"60.0\"} 4", "h_bucket{of=\"x\",le=\"+Inf\"} 5",
                      "h_count{of=\"x\"} 5"});
  EXPECT_EQ(h.count(), 5U);
  auto twice = h;
  twice += h;
  EXPECT_EQ(twice.count(), 10U);
  EXPECT_DOUBLE_EQ(twice.sum, 2 * h.sum);
}

TEST(service_metrics, say_what_a_service_is_and_what_became_of_its_processes) {
  service_figures web{.name = "web",
                      .state = instance_state::backoff,
                      .desired = 3,
                      .running = 2,
                      .ready = 1,
                      .uptime_seconds = 4.5};
  web.processes = {{"web:0", 1.25, 4096}, {"web:1", 0, 8192}};
  web.counted.restarts = 7;
  web.counted.hangs = 1;
  web.counted.count_start(1500ms);
  web.counted.count_start(500ms);
  for (auto& how : {exit_status{exited_with{1}}, exit_status{exited_with{1}},
                    exit_status{killed_by{9}}, exit_status{vanished{}}})
    web.counted.count_exit(how);
  metric_page page;
  write_service_metrics(page, std::vector{web, service_figures{.name = "db"}});
  expect_lines(
      page,
      {"# TYPE sm_service_state gauge", "sm_service_state{service=\"web\",state=\"BACKOFF\"} 1",
       "sm_service_state{service=\"web\",state=\"RUNNING\"} 0",
       "sm_service_state{service=\"db\",state=\"STOPPED\"} 1",
       "sm_service_instances{service=\"web\",state=\"desired\"} 3",
       "sm_service_instances{service=\"web\",state=\"running\"} 2",
       "sm_service_instances{service=\"web\",state=\"ready\"} 1",
       "sm_service_uptime_seconds{service=\"web\"} 4.5", "# TYPE sm_service_cpu_seconds counter",
       "sm_service_cpu_seconds_total{service=\"web\",process=\"web:0\"} 1.25",
       "sm_service_memory_bytes{service=\"web\",process=\"web:1\"} 8192",
       "sm_service_restarts_total{service=\"web\"} 7",
       "sm_service_restarts_total{service=\"db\"} 0",
       "sm_service_exits_total{service=\"web\",code=\"1\"} 2",
       "sm_service_exits_total{service=\"web\",signal=\"SIGKILL\"} 1",
       "sm_service_exits_total{service=\"web\",code=\"unknown\"} 1",
       "sm_service_start_duration_seconds_count{service=\"web\"} 2",
       "sm_service_start_duration_seconds_sum{service=\"web\"} 2",
       "sm_watchdog_misses_total{service=\"web\"} 1"});
  metric_page none;
  write_service_metrics(none, {});
  EXPECT_EQ(none.text(), "");
}

TEST(traffic_metrics, requests_count_by_route_and_status) {
  http_figures http{.connections = 3, .streams = 1, .refused = 2};
  http.routes["GET /v1/services/:name"].count(200, 0.0002);
  http.routes["GET /v1/services/:name"].count(404, 0.0002);
  http.routes[""].count(400, 0);
  metric_page page;
  write_http_metrics(page, http);
  expect_lines(
      page, {"# TYPE sm_http_requests counter",
             "sm_http_requests_total{method=\"GET\",route=\"/v1/services/:name\",code=\"200\"} 1",
             "sm_http_requests_total{method=\"GET\",route=\"/v1/services/:name\",code=\"404\"} 1",
             "sm_http_requests_total{code=\"400\"} 1",
             "sm_http_request_duration_seconds_bucket{method=\"GET\",route=\"/v1/services/:name\","
             "le=\"0.00025\"} 2",
             "sm_http_connections 3", "sm_http_streams 1", "sm_http_connections_refused_total 2"});
}

TEST(traffic_metrics, commands_count_by_what_became_of_them_and_are_bounded) {
  command_tallies commands;
  auto& status = commands.at("status");
  status.ok = 2;
  ++status.failed[errc::timeout];
  status.took.add(0.004);
  for (std::size_t n = 0; n < 2 * commands.commands_max; ++n)
    ++commands.at("made up " + std::to_string(n)).failed[errc::handler_failed];
  commands.count_unknown();
  EXPECT_EQ(&commands.at("status"), &status) << "places stay";
  EXPECT_EQ(commands.all().size(), commands.commands_max + 1);
  metric_page page;
  write_command_metrics(page, commands);
  expect_lines(page, {"sm_command_targets_total{command=\"status\",outcome=\"ok\"} 2",
                      "sm_command_targets_total{command=\"status\",outcome=\"timeout\"} 1",
                      "sm_command_targets_total{command=\"other\",outcome=\"handler_failed\"} 501",
                      "sm_command_targets_total{outcome=\"unknown_command\"} 1",
                      "sm_command_duration_seconds_bucket{command=\"status\",le=\"0.005\"} 1",
                      "sm_command_duration_seconds_count{command=\"status\"} 1"});
}

TEST(process_metrics, are_those_of_the_process) {
  metric_page page;
  write_process_metrics(page, ::getpid());
  auto value = [&](const std::string& name) {
    auto at = page.text().find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(page.text().substr(at + name.size() + 2));
  };
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), 3);
  EXPECT_NEAR(value("process_start_time_seconds"), static_cast<double>(::time(nullptr)), 600);
  metric_page none;
  write_process_metrics(none, -1);
  EXPECT_EQ(none.text(), "");
}

}  // namespace sm
