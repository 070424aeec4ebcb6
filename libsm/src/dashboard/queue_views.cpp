// Queues, jobs and schedules as pages show them.
#include <fmt/format.h>

#include "dashboard/views.hpp"
#include "http/url.hpp"
#include "json_members.hpp"
#include "text/short_forms.hpp"

namespace sm {
namespace {

constexpr std::size_t arguments_shown = 120;
constexpr std::size_t value_shown = 64 << 10;

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  // Not within a character of UTF-8.
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
  return text.substr(0, most) + "…";
}

std::int64_t ms_in(const json& document, const char* name) {
  return static_cast<std::int64_t>(number_in(document, name));
}

/// What limits a queue, in words.
std::string limits_of(const json& queue) {
  std::string words;
  auto& limits = at(queue, "limits");
  for (auto& [name, value] : limits.items()) {
    // Without a rate it is the period of nothing.
    if (value.is_null() || value == 0 || (name == "period" && number_in(limits, "rate") == 0))
      continue;
    words += (words.empty() ? "" : ", ") + name + " " +
             (value.is_string() ? value.get<std::string>() : print_json(value));
  }
  return words;
}

json queue_row(const json& queue, bool all_paused) {
  auto name = text_in(queue, "name");
  bool paused = flag_in(queue, "paused");
  auto count = [&](const char* member) {
    return grouped(static_cast<std::uint64_t>(number_in(queue, member)));
  };
  auto latency = number_in(queue, "latency_s");
  return {{"name", name},
          {"href", "/ui/queues/" + percent_encode(name)},
          {"api", "/v1/queues/" + percent_encode(name)},
          {"ready", count("ready")},
          {"running", count("running")},
          {"delayed", count("delayed")},
          {"latency", latency > 0 ? short_time(static_cast<std::int64_t>(latency)) : "–"},
          {"limits", limits_of(queue)},
          {"paused", paused},
          {"state", paused || all_paused ? "paused" : "open"},
          {"tone", paused || all_paused ? "warning" : "quiet"}};
}

json job_row(const json& job) {
  auto id = text_in(job, "id"), state = text_in(job, "state");
  auto when = state == "delayed" ? ms_in(job, "run_at_ms")
              : state == "dead"  ? ms_in(job, "failed_at_ms")
                                 : ms_in(job, "enqueued_at_ms");
  auto time = when > 0 ? utc_time(when) : std::string();
  const char* tone = state == "running" ? "busy" : state == "dead" ? "bad" : "quiet";
  return {{"id", id},
          {"short", cut(id, 12)},
          {"type", text_in(job, "type")},
          {"queue", text_in(job, "queue")},
          {"state", state},
          {"tone", tone},
          {"time", time},
          {"clock", time.empty() ? "–" : time.substr(0, 10) + " " + time.substr(11, 8)},
          {"arguments", cut(print_json(at(job, "args")), arguments_shown)},
          {"href", (state == "dead" ? "/ui/failed/" : "/ui/jobs/") + percent_encode(id)},
          {"api", (state == "dead" ? "/v1/failed/" : "/v1/jobs/") + percent_encode(id)},
          {"why", cut(text_in(job, "exception") + (text_in(job, "exception").empty() ? "" : ": ") +
                          text_in(job, "error"),
                      200)}};
}

json job_members(const json& job) {
  json members = json::array();
  for (auto& [name, value] : job.items()) {
    if (name == "state" || name == "type") continue;
    std::string text;
    if (name.ends_with("_ms") && value.is_number())
      text = value == 0 ? "–" : utc_time(value.get<std::int64_t>());
    else if (name.ends_with("_s") && value.is_number())
      text = utc_time(static_cast<std::int64_t>(value.get<double>()) * 1000);
    else if (value.is_string())
      text = value.get<std::string>();
    else
      text = value.dump(2, ' ', false, json::error_handler_t::replace);
    members.push_back({{"key", name}, {"value", cut(text, value_shown)}});
  }
  return members;
}

json one_job(const json& job, const char* from, const char* from_href) {
  auto model = job_row(job);
  auto state = text_in(job, "state");
  model["from"] = from;
  model["from_href"] = from_href;
  model["dead"] = state == "dead";
  model["pending"] = state == "ready" || state == "delayed" || state == "running";
  model["members"] = job_members(job);
  return model;
}

json totals_of(const json& queues) {
  auto count = [&](const char* name) {
    return grouped(static_cast<std::uint64_t>(number_in(queues, name)));
  };
  return count("processed") + " performed, " + count("failed") + " failed tries, " + count("dead") +
         " failed jobs kept" + (flag_in(queues, "paused") ? "; all paused" : "");
}

}  // namespace

json queues_view(const page_request&, const page_documents& documents) {
  auto& queues = document_in(documents, "queues");
  json rows = json::array();
  for (auto& queue : at(queues, "queues"))
    rows.push_back(queue_row(queue, flag_in(queues, "paused")));
  auto model = plots_model(document_in(documents, "history"));
  model["all_paused"] = flag_in(queues, "paused");
  model["totals"] = totals_of(queues);
  model["queues_any"] = !rows.empty();
  model["queues"] = std::move(rows);
  return model;
}

json queue_page_view(const page_request& rq, const page_documents& documents) {
  auto& queue = document_in(documents, "queue");
  auto& listing = document_in(documents, "jobs");
  json rows = json::array();
  for (auto& job : at(listing, "jobs")) rows.push_back(job_row(job));
  auto shown = queue_row(queue, false);
  auto next = next_page(rq, shown["href"].get<std::string>(), listing);
  auto limits = shown["limits"].get<std::string>();
  return {
      {"name", shown["name"]},
      {"facts",
       shown["ready"].get<std::string>() + " ready, " + shown["running"].get<std::string>() +
           " running, " + shown["delayed"].get<std::string>() + " delayed" +
           (limits.empty() ? "" : "; " + limits) + (flag_in(queue, "paused") ? "; paused" : "") +
           (flag_in(document_in(documents, "all"), "paused") ? "; all are paused" : "")},
      {"jobs_any", !rows.empty()},
      {"jobs", std::move(rows)},
      {"next_any", !next.empty()},
      {"next", next}};
}

json failed_view(const page_request& rq, const page_documents& documents) {
  auto& listing = document_in(documents, "failed");
  json rows = json::array();
  for (auto& job : at(listing, "failed")) rows.push_back(job_row(job));
  auto queue = given(rq, "queue"), type = given(rq, "type"), text = given(rq, "text");
  bool narrowed = !queue.empty() || !type.empty() || !text.empty();
  auto next = next_page(rq, "/ui/failed", listing);
  return {{"queue", queue},
          {"type", type},
          {"text", text},
          {"failed_any", !rows.empty()},
          {"failed", std::move(rows)},
          {"failed_none", narrowed ? "No failed job is like that." : "No job has failed."},
          {"next_any", !next.empty()},
          {"next", next}};
}

json failed_job_view(const page_request&, const page_documents& documents) {
  return one_job(document_in(documents, "job"), "Failed jobs", "/ui/failed");
}

json job_view_of(const page_request&, const page_documents& documents) {
  return one_job(document_in(documents, "job"), "Queues", "/ui/queues");
}

json schedules_view(const page_request& rq, const page_documents& documents) {
  json rows = json::array();
  for (auto& schedule : at(document_in(documents, "schedules"), "schedules")) {
    auto name = text_in(schedule, "name");
    auto unreadable = text_in(schedule, "unreadable");
    rows.push_back(
        {{"name", name},
         {"cron", text_in(schedule, "cron")},
         {"timezone", text_in(schedule, "timezone")},
         {"type", text_in(schedule, "type")},
         {"queue", text_in(schedule, "queue")},
         {"last", time_from_now(ms_in(schedule, "last_ms"), rq.now_ms)},
         {"next",
          unreadable.empty() ? time_from_now(ms_in(schedule, "next_ms"), rq.now_ms) : unreadable},
         {"api", "/v1/schedules/" + percent_encode(name)}});
  }
  return {{"schedules_any", !rows.empty()}, {"schedules", std::move(rows)}};
}

}  // namespace sm
