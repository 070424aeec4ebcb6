// What pages show of the documents of /v1: texts, tones and links for the templates.
#pragma once

#include <sm/json.hpp>
#include <string>

#include "dashboard/pages.hpp"

namespace sm {

json overview_view(const page_request& rq, const page_documents& documents);
json services_view(const page_request& rq, const page_documents& documents);
json service_view(const page_request& rq, const page_documents& documents);
json commands_view(const page_request& rq, const page_documents& documents);
json events_view(const page_request& rq, const page_documents& documents);
json queues_view(const page_request& rq, const page_documents& documents);
json queue_page_view(const page_request& rq, const page_documents& documents);
json failed_view(const page_request& rq, const page_documents& documents);
json failed_job_view(const page_request& rq, const page_documents& documents);
json job_view_of(const page_request& rq, const page_documents& documents);
json schedules_view(const page_request& rq, const page_documents& documents);
json audit_view(const page_request& rq, const page_documents& documents);
json manager_view(const page_request& rq, const page_documents& documents);

// -- parts of them

/// "1,234,567".
std::string grouped(std::uint64_t number);
/// The path of a service's page.
std::string page_of_service(std::string_view name);
/// What the page's query has for `name`, or "".
std::string given(const page_request& rq, std::string_view name);
/// The page after this one, for `next` of a listing; "" for none.
std::string next_page(const page_request& rq, const std::string& path, const json& listing);
/// The document called `name`; null when it is not there.
const json& document_in(const page_documents& documents, std::string_view name);
/// Why it is not there: {"detail"}, or null.
json problem_in(const page_documents& documents, std::string_view name);
/// What `event_list.html` shows of an answer of events.list: {"events", "events_any"}.
json events_model(const json& listing);
/// What `plots.html` shows of an answer of jobs.history.
json plots_model(const json& history);
/// "21h05m ago", "in 5s", "never"; of Unix milliseconds.
std::string time_from_now(std::int64_t then_ms, std::int64_t now_ms);
/// "2026-11-30T16:41:30Z".
std::string utc_time(std::int64_t unix_ms);

}  // namespace sm
