#include "http/problem.hpp"

#include <sm/trace.hpp>

#include "json_members.hpp"

namespace sm {
namespace {

/// What a handler threw, which was written for the program's own people.
bool is_inner(errc code) { return code == errc::internal || code == errc::handler_failed; }

}  // namespace

std::string problem_document(const error& e, std::string_view request_id, bool confidant) {
  auto& t = traits(e.code);
  bool hidden = is_inner(e.code) && !(confidant && e.code == errc::handler_failed);
  json document{{"type", "urn:sm:error:" + std::string(t.name)},
                {"title", t.title},
                {"status", t.http_status},
                {"code", t.name},
                {"detail", hidden ? "" : e.detail}};
  if (!e.where.empty() && !hidden) document["where"] = e.where;
  if (!request_id.empty()) document["request_id"] = request_id;
  if (auto& trace = current_trace()) document["trace_id"] = trace.trace_id();
  return print_json(document);
}

response to_response(const error& e) {
  auto& t = traits(e.code);
  response r{.status = t.http_status,
             .body = problem_document(e, {}, false),
             .content_type = "application/problem+json"};
  if (is_inner(e.code)) r.cause = e;
  // RFC 9110 10.2.3: what is refused for lack of capacity may be tried again.
  if (t.http_status == 503 || t.http_status == 429) r.headers.emplace_back("Retry-After", "1");
  if (e.code == errc::unauthorized) r.headers.emplace_back("WWW-Authenticate", "Bearer");
  return r;
}

std::optional<error> error_of_problem(std::string_view body) {
  auto document = parse_json(body);
  if (!document || !at(*document, "code").is_string()) return std::nullopt;
  auto detail = text_in(*document, "detail");
  if (auto id = text_in(*document, "request_id"); detail.empty() && !id.empty())
    detail = "the manager's log says why, under " + id;
  return error{errc_from_name(text_in(*document, "code")).value_or(errc::internal),
               std::move(detail), text_in(*document, "where")};
}

}  // namespace sm
