#include "telemetry/traffic_metrics.hpp"

#include <sm/json.hpp>

namespace sm {

void write_http_metrics(metric_page& page, const http_figures& http) {
  auto parts_of = [](std::string_view route) {
    auto blank = route.find(' ');
    return blank == route.npos ? std::pair<std::string_view, std::string_view>{}
                               : std::pair{route.substr(0, blank), route.substr(blank + 1)};
  };
  page.family("sm_http_requests", "counter", "Requests that were answered, by route and status.");
  for (auto& [name, tally] : http.routes) {
    auto [method, route] = parts_of(name);
    for (auto& [status, n] : tally.by_status)
      page.sample("sm_http_requests_total",
                  {{"method", method}, {"route", route}, {"code", std::to_string(status)}}, n);
  }
  page.family("sm_http_request_duration_seconds", "histogram",
              "From a request's first byte to its answer, or to the begin of one that goes on.");
  for (auto& [name, tally] : http.routes) {
    auto [method, route] = parts_of(name);
    tally.took.write(page, "sm_http_request_duration_seconds",
                     {{"method", method}, {"route", route}});
  }
  page.family("sm_http_connections", "gauge", "Connections that are open.");
  page.sample("sm_http_connections", {}, http.connections);
  page.family("sm_http_streams", "gauge", "Answers that go on: events and logs that are followed.");
  page.sample("sm_http_streams", {}, http.streams);
  page.family("sm_http_connections_refused", "counter", "Connections that found no room.");
  page.sample("sm_http_connections_refused_total", {}, http.refused);
}

void write_span_metrics(metric_page& page, const span_figures& spans) {
  page.family("sm_trace_spans", "counter", "Spans by what became of them: exported, or dropped.");
  page.sample("sm_trace_spans_total", {{"outcome", "exported"}}, spans.exported);
  page.sample("sm_trace_spans_total", {{"outcome", "dropped"}}, spans.dropped);
  page.family("sm_trace_spans_waiting", "gauge", "Spans that wait for the collector.");
  page.sample("sm_trace_spans_waiting", {}, spans.waiting);
}

command_tally& command_tallies::at(const std::string& command) {
  if (auto known = all_.find(command); known != all_.end()) return known->second;
  return all_[all_.size() < commands_max && is_utf8(command) ? command : "other"];
}

void write_command_metrics(metric_page& page, const command_tallies& commands) {
  page.family("sm_command_targets", "counter",
              "Processes that were asked, by what became of it: ok or the code of the error.");
  for (auto& [command, tally] : commands.all()) {
    if (tally.ok > 0)
      page.sample("sm_command_targets_total", {{"command", command}, {"outcome", "ok"}}, tally.ok);
    for (auto& [code, n] : tally.failed)
      page.sample("sm_command_targets_total",
                  {{"command", command}, {"outcome", traits(code).name}}, n);
  }
  if (commands.unknown() > 0)
    page.sample("sm_command_targets_total", {{"outcome", "unknown_command"}}, commands.unknown());
  page.family("sm_command_duration_seconds", "histogram",
              "From asking a process until its answer was there.");
  for (auto& [command, tally] : commands.all())
    tally.took.write(page, "sm_command_duration_seconds", {{"command", command}});
}

}  // namespace sm
