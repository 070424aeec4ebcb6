#include "telemetry/service_metrics.hpp"

#include "system/signal_names.hpp"

namespace sm {
namespace {

using services = std::span<const service_figures>;

void write_states(metric_page& page, services all) {
  page.family("sm_service_state", "gauge",
              "1 for the state that a service shows, 0 for the others.");
  for (auto& s : all)
    for (std::size_t n = 0; n < instance_state_count; ++n) {
      auto state = static_cast<instance_state>(n);
      page.sample("sm_service_state", {{"service", s.name}, {"state", to_string(state)}},
                  s.state == state ? 1U : 0U);
    }
  page.family("sm_service_instances", "gauge",
              "Instances of a service: wanted, with a process, and ready.");
  for (auto& s : all) {
    page.sample("sm_service_instances", {{"service", s.name}, {"state", "desired"}}, s.desired);
    page.sample("sm_service_instances", {{"service", s.name}, {"state", "running"}}, s.running);
    page.sample("sm_service_instances", {{"service", s.name}, {"state", "ready"}}, s.ready);
  }
}

void write_usage(metric_page& page, services all) {
  page.family("sm_service_uptime_seconds", "gauge", "How long a service has been RUNNING.");
  for (auto& s : all)
    page.sample("sm_service_uptime_seconds", {{"service", s.name}}, s.uptime_seconds);
  page.family("sm_service_cpu_seconds", "counter",
              "User and system time of an instance's process.");
  for (auto& s : all)
    for (auto& p : s.processes)
      page.sample("sm_service_cpu_seconds_total", {{"service", s.name}, {"process", p.instance}},
                  p.cpu_seconds);
  page.family("sm_service_memory_bytes", "gauge", "Resident memory of an instance's process.");
  for (auto& s : all)
    for (auto& p : s.processes)
      page.sample("sm_service_memory_bytes", {{"service", s.name}, {"process", p.instance}},
                  p.memory_bytes);
}

void write_counts(metric_page& page, services all) {
  page.family("sm_service_restarts", "counter", "Restarts of a service's instances by its policy.");
  for (auto& s : all)
    page.sample("sm_service_restarts_total", {{"service", s.name}}, s.counted.restarts);
  page.family("sm_service_exits", "counter", "Ends of a service's processes, by code or signal.");
  for (auto& s : all) {
    for (auto& [code, n] : s.counted.exits_by_code)
      page.sample("sm_service_exits_total", {{"service", s.name}, {"code", std::to_string(code)}},
                  n);
    for (auto& [signal, n] : s.counted.exits_by_signal)
      page.sample("sm_service_exits_total", {{"service", s.name}, {"signal", signal_name(signal)}},
                  n);
    if (s.counted.vanished > 0)
      page.sample("sm_service_exits_total", {{"service", s.name}, {"code", "unknown"}},
                  s.counted.vanished);
  }
  page.family("sm_service_start_duration_seconds", "summary",
              "From the start of a process until its service was ready.");
  for (auto& s : all) {
    page.sample("sm_service_start_duration_seconds_count", {{"service", s.name}}, s.counted.starts);
    page.sample("sm_service_start_duration_seconds_sum", {{"service", s.name}},
                s.counted.start_seconds);
  }
  page.family("sm_watchdog_misses", "counter", "Processes that gave no sign of life in time.");
  for (auto& s : all)
    page.sample("sm_watchdog_misses_total", {{"service", s.name}}, s.counted.hangs);
}

}  // namespace

void service_tally::count_exit(const exit_status& how) {
  if (auto* exited = std::get_if<exited_with>(&how))
    ++exits_by_code[exited->code];
  else if (auto* killed = std::get_if<killed_by>(&how))
    ++exits_by_signal[killed->number];
  else
    ++vanished;
}

void write_service_metrics(metric_page& page, services all) {
  if (all.empty()) return;
  write_states(page, all);
  write_usage(page, all);
  write_counts(page, all);
}

}  // namespace sm
