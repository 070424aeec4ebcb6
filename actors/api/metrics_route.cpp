#include "api/metrics_route.hpp"

#include <unistd.h>

#include <mutex>
#include <set>
#include <sm/guarded.hpp>

#include "manager/trace_exporter.hpp"
#include "process/build_id.hpp"
#include "queue/queue_metrics.hpp"
#include "telemetry/process_metrics.hpp"

namespace sm {
namespace {

/// All that the loop knows at one moment; it is written in another thread.
struct known_figures {
  std::vector<service_figures> services;
  http_figures http;
  span_figures spans;
  command_tallies commands;
  std::uint64_t events = 0;
  job_tallies jobs;
  std::vector<report_board::told> reports;  ///< of what services count
};

/// A page is asked for each few seconds; each mistake is said once.
void say_once(const std::string& which, const error& e) {
  constexpr std::size_t said_max = 100;
  static std::mutex mutex;
  static std::set<std::string> said;
  std::lock_guard lock(mutex);
  if (said.size() < said_max && said.insert(which).second) log_error("metrics " + which, e);
}

/// The families of services' own; they come last, for a mistake in one of them concerns no other.
void write_own(metric_page& page, const std::vector<report_board::told>& told) {
  std::vector<own_report> reports;
  if (auto mine = own_metrics(); !mine.empty())
    reports.push_back({"", "", std::make_shared<const own_families>(std::move(mine))});
  for (auto& report : told) {
    auto families = decode_families(*report.families);
    if (families)
      reports.push_back({report.service, report.instance,
                         std::make_shared<const own_families>(std::move(*families))});
    else
      say_once("of " + report.instance + " cannot be read", families.error());
  }
  for (auto& name : write_own_metrics(page, reports))
    say_once("called " + name,
             {errc::conflict, "two processes mean different kinds by this name", name});
}

/// `stored` are the families of the queue's store; that it is away is what a watcher wants to hear
/// of.
std::string page_of(const known_figures& known, const std::string& build,
                    const result<std::string>& stored) {
  metric_page page;
  // A gauge and no info, which readers of the older text form do not know.
  page.family("sm_build_info", "gauge", "1; which version and build of the manager answers.");
  page.sample("sm_build_info", {{"version", SM_VERSION}, {"build", build}}, 1U);
  write_service_metrics(page, known.services);
  write_command_metrics(page, known.commands);
  write_http_metrics(page, known.http);
  write_span_metrics(page, known.spans);
  page.family("sm_events", "counter", "What has happened to services and jobs.");
  page.sample("sm_events_total", {}, known.events);
  write_process_metrics(page, ::getpid());
  write_queue_up(page, stored.has_value());
  page.add(stored.value_or(""));
  known.jobs.write(page);
  write_own(page, known.reports);
  page.add("# EOF\n");
  return page.take();
}

response answer_of(std::string page) {
  return {.body = std::move(page),
          .content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"};
}

}  // namespace

void add_metrics_route(route_adder& at, const management_parts& parts) {
  at.bind("metrics.show", [&services = parts.services, &jobs = parts.jobs, &http = parts.http,
                           &traces = parts.traces, &tallies = parts.tallies,
                           &commands = parts.commands, &reports = parts.reports,
                           &recent = parts.recent, build = build_of_process(::getpid())](request&) {
    promise<response> answer;
    services.figures().then([&jobs, &http, &traces, &tallies, &commands, &reports, &recent, build,
                             answer](result<std::vector<service_figures>> figures) {
      if (!figures) return (void)answer.set_error(figures.error());
      auto known = std::make_shared<known_figures>(
          known_figures{std::move(*figures), http.figures(), traces.figures(), commands.tallies(),
                        recent.last(), tallies.sum(), reports.all()});
      jobs.ask<std::string>([](job_store& store) -> result<std::string> {
            auto counts = store.counts();
            if (!counts) return tl::unexpected<error>(counts.error());
            auto totals = store.totals();
            if (!totals) return tl::unexpected<error>(totals.error());
            metric_page page;
            write_queue_metrics(page, *counts, *totals);
            return page.take();
          })
          .then([answer, known, build](const result<std::string>& stored) {
            answer.set_value(answer_of(page_of(*known, build, stored)));
          });
    });
    return answer;
  });
}

}  // namespace sm
