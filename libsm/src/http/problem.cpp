#include <sm/http.hpp>

namespace sm {

response to_response(const error& e) {
  auto& t = traits(e.code);
  json document{{"type", "urn:sm:error:" + std::string(t.name)},
                {"title", t.title},
                {"status", t.http_status},
                {"code", t.name},
                {"detail", e.code == errc::internal ? "" : e.detail}};
  if (!e.where.empty()) document["where"] = e.where;
  response r{.status = t.http_status,
             .body = print_json(document),
             .content_type = "application/problem+json"};
  // RFC 9110 10.2.3: what is refused for lack of capacity may be tried again.
  if (t.http_status == 503) r.headers.emplace_back("Retry-After", "1");
  if (e.code == errc::unauthorized) r.headers.emplace_back("WWW-Authenticate", "Bearer");
  return r;
}

}  // namespace sm
