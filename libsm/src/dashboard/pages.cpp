// The rows, and the frame around what they show. Long because of the table.
#include "dashboard/pages.hpp"

#include <algorithm>
#include <array>

#include "dashboard/assets.hpp"
#include "dashboard/templates.hpp"
#include "dashboard/views.hpp"
#include "http/response_head.hpp"
#include "http/url.hpp"

namespace sm {
namespace {

struct entry {
  std::string_view href, label;
  api_role role = api_role::viewer;  ///< who sees it
};
constexpr std::array navigation{
    entry{"/ui", "Overview"},          entry{"/ui/services", "Services"},
    entry{"/ui/commands", "Commands"}, entry{"/ui/queues", "Queues"},
    entry{"/ui/events", "Events"},     entry{"/ui/audit", "Audit", api_role::admin},
    entry{"/ui/manager", "Manager"}};

/// Members that the rows of services show; nothing of what only their own page has.
constexpr std::string_view services_of_table =
    "/v1/services?fields=desired,ready,done,instances,restarts,outdated,reason,waits_for,rollout,"
    "last_exit,uptime_s,pid,cpu_seconds,memory_bytes,status_text,instance_list";
constexpr std::string_view services_of_overview =
    "/v1/services?fields=desired,ready,done,instances,restarts,outdated,reason,waits_for,rollout,"
    "last_exit,memory_bytes,status_text,instance_list";

// NOLINTNEXTLINE(readability-function-size): a table
const std::vector<dashboard_page>& rows() {
  static const std::vector<dashboard_page> all{
      {.path = "/ui",
       .title = "Overview",
       .place = "/ui",
       .events = "service.*",
       .shape = "overview.html",
       .sources = {{"services", services_of_overview},
                   {.name = "queues", .target = "/v1/queues", .of_queue = true},
                   {.name = "history", .target = "/v1/jobs/history", .of_queue = true},
                   {"events", "/v1/events/recent?limit=12"}},
       .view = overview_view},
      {.path = "/ui/services",
       .title = "Services",
       .place = "/ui/services",
       .events = "service.*",
       .shape = "services.html",
       .sources = {{"services", services_of_table, {"q", "state", "offset", "limit=100"}}},
       .query = {"q", "state", "offset", "limit"},
       .view = services_view},
      {.path = "/ui/services/:name",
       .title = "",
       .place = "/ui/services",
       .events = "service.*",
       .shape = "service.html",
       .sources = {{"service", "/v1/services/:name"},
                   {"log", "/v1/services/:name/logs?lines=200", {"stream"}},
                   {"events", "/v1/events/recent?service=:name&limit=50"}},
       .query = {"stream"},
       .view = service_view},
      {.path = "/ui/commands",
       .title = "Commands",
       .place = "/ui/commands",
       .shape = "commands.html",
       .sources = {},
       .query = {"command", "select"},
       .view = commands_view},
      {.path = "/ui/queues",
       .title = "Queues",
       .place = "/ui/queues",
       .events = "job.dead",
       .shape = "queues.html",
       .sources = {{"queues", "/v1/queues"}, {"history", "/v1/jobs/history"}},
       .view = queues_view},
      {.path = "/ui/queues/:queue",
       .title = "",
       .place = "/ui/queues",
       .events = "job.dead",
       .shape = "queue.html",
       .sources = {{"queue", "/v1/queues/:queue"},
                   {"jobs", "/v1/queues/:queue/jobs?limit=50", {"offset"}},
                   {"all", "/v1/queues"}},
       .query = {"offset"},
       .view = queue_page_view},
      {.path = "/ui/jobs/:id",
       .title = "",
       .place = "/ui/queues",
       .events = "job.dead",
       .shape = "job.html",
       .sources = {{"job", "/v1/jobs/:id"}},
       .view = job_view_of},
      {.path = "/ui/failed",
       .title = "Failed jobs",
       .place = "/ui/queues",
       .events = "job.dead",
       .shape = "failed.html",
       .sources = {{"failed", "/v1/failed?limit=50", {"queue", "type", "text", "offset"}}},
       .query = {"queue", "type", "text", "offset"},
       .view = failed_view},
      {.path = "/ui/failed/:id",
       .title = "",
       .place = "/ui/queues",
       .events = "job.dead",
       .shape = "job.html",
       .sources = {{"job", "/v1/failed/:id"}},
       .view = failed_job_view},
      {.path = "/ui/schedules",
       .title = "Schedules",
       .place = "/ui/queues",
       .events = "job.dead",
       .shape = "schedules.html",
       .sources = {{"schedules", "/v1/schedules"}},
       .view = schedules_view},
      {.path = "/ui/events",
       .title = "Events",
       .place = "/ui/events",
       .events = "*",
       .shape = "events.html",
       .sources = {{"events", "/v1/events/recent?limit=200", {"type", "service"}}},
       .query = {"type", "service"},
       .view = events_view},
      {.path = "/ui/audit",
       .title = "Audit",
       .place = "/ui/audit",
       .events = "service.*",
       .shape = "audit.html",
       .sources = {{"audit", "/v1/audit?limit=200", {}, api_role::admin}},
       .view = audit_view},
      {.path = "/ui/manager",
       .title = "Manager",
       .place = "/ui/manager",
       .shape = "manager.html",
       .sources = {{"daemon", "/v1/daemon"}, {"tokens", "/v1/tokens", {}, api_role::admin}},
       .view = manager_view},
  };
  return all;
}

json frame(const page_request& rq, std::string_view title, std::string_view place,
           std::string_view events_of) {
  json nav = json::array();
  for (auto& e : navigation)
    if (e.role <= rq.role)
      nav.push_back({{"href", e.href}, {"label", e.label}, {"current", e.href == place}});
  return {{"title", title},
          {"program", rq.program},
          {"version", rq.version},
          {"version_of_assets", version_of_assets()},
          {"role", to_string(rq.role)},
          {"operates", rq.role >= api_role::operate},
          {"administers", rq.role >= api_role::admin},
          {"events_of", events_of},
          {"nav", std::move(nav)},
          {"who", rq.who},
          {"signed_in", rq.signed_in},
          {"problem", nullptr},
          {"content", nullptr}};
}

/// No other site may frame a page, none of its resources comes from elsewhere, and a browser keeps
/// nothing of it. Other sites learn nothing by Referer, and this one gets an Origin: without any
/// Referer a form's would be "null".
response html(unsigned status, std::string body) {
  return {.status = status,
          .body = std::move(body),
          .content_type = "text/html; charset=utf-8",
          .headers = {{"Content-Security-Policy",
                       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                       "connect-src 'self'; form-action 'self'; base-uri 'none'; "
                       "frame-ancestors 'none'"},
                      {"X-Frame-Options", "DENY"},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "same-origin"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Cache-Control", "no-store"}}};
}

std::string title_of(const dashboard_page& page, const page_request& rq) {
  if (!page.title.empty() || rq.captured.empty()) return std::string(page.title);
  return rq.captured.begin()->second;
}

}  // namespace

std::span<const dashboard_page> dashboard_pages() { return rows(); }

std::string target_of(const page_source& source, const page_request& rq) {
  std::string target;
  auto rest = source.target;
  while (!rest.empty()) {
    auto colon = std::min(rest.find(':'), rest.size());
    target += rest.substr(0, colon);
    rest.remove_prefix(colon);
    if (rest.empty()) break;
    auto end = std::min(rest.find_first_of("/?&"), rest.size());
    if (auto value = rq.captured.find(rest.substr(1, end - 1)); value != rq.captured.end())
      target += percent_encode(value->second);
    rest.remove_prefix(end);
  }
  for (auto pass : source.passes) {
    auto name = pass.substr(0, pass.find('='));
    auto given = rq.query.find(name);
    auto value = given != rq.query.end() && !given->second.empty()
                     ? std::string_view(given->second)
                     : pass.substr(std::min(name.size() + 1, pass.size()));
    if (!value.empty())
      target += (target.find('?') == target.npos ? "?" : "&") + std::string(name) + "=" +
                percent_encode(value);
  }
  return target;
}

response render_page(const dashboard_page& page, const page_request& rq,
                     const page_documents& documents, std::set<std::string>* missing) {
  if (!page.sources.empty()) {
    auto subject = documents.find(page.sources.front().name);
    if (subject == documents.end())
      return problem_page(
          rq, {errc::forbidden,
               "this page takes the role " + std::string(to_string(page.sources.front().role)),
               {}});
    if (!subject->second) return problem_page(rq, subject->second.error());
  }
  auto model = frame(rq, title_of(page, rq), page.place, page.events);
  model["content"] = page.view(rq, documents);
  return html(200, render_template(page.shape, model, true, missing));
}

response problem_page(const page_request& rq, const error& e) {
  auto problem = to_response(e);
  auto model = frame(rq, reason_phrase(problem.status), "", "");
  model["problem"] = {{"detail", e.detail + (e.where.empty() ? "" : " (" + e.where + ")")}};
  return html(problem.status, render_template("overview.html", model, true));
}

response sign_in_page(const sign_in_request& rq, unsigned status) {
  json model{{"program", rq.program},
             {"version_of_assets", version_of_assets()},
             {"again", rq.again},
             {"sign_in", !rq.again},
             {"message", rq.message},
             {"message_any", !rq.message.empty()},
             {"code", rq.code},
             {"code_any", !rq.code.empty()},
             {"next", page_to_go_to(rq.next)}};
  return html(status, render_template("sign_in.html", model, false));
}

std::string page_to_go_to(std::string_view next) {
  // It becomes a field of an answer.
  bool plain = std::all_of(next.begin(), next.end(), [](char c) { return c > ' ' && c < 0x7F; });
  auto path = next.substr(0, next.find('?'));
  bool ours = path == "/ui" || path.starts_with("/ui/");
  return plain && ours && path != "/ui/sign-in" ? std::string(next) : "/ui";
}

}  // namespace sm
