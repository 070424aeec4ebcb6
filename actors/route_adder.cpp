#include "route_adder.hpp"

#include <algorithm>

#include "text/numbers.hpp"
#include "text/units.hpp"

namespace sm {

using std::chrono::milliseconds;

milliseconds duration_of(const request& rq, const char* name) {
  auto text = rq.query(name);
  if (!text) return milliseconds{0};
  auto value = parse_duration(*text);
  if (!value) throw failure(errc::bad_arguments, value.error().detail, name);
  return *value;
}

std::size_t number_of(const request& rq, const char* name, std::size_t otherwise, std::size_t least,
                      std::size_t most) {
  auto text = rq.query(name);
  if (!text) return otherwise;
  auto value = parse_integer<std::size_t>(*text, least, most);
  if (!value) throw failure(errc::bad_arguments, value.error().detail, name);
  return *value;
}

void refuse_unknown_query(const request& rq, std::initializer_list<std::string_view> known) {
  for (auto& name : rq.query_names())
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string all;
      for (auto each : known) all += (all.empty() ? "" : ", ") + std::string(each);
      throw failure(errc::bad_arguments, "unknown parameter; there is " + all, name);
    }
}

void check_media_type(const request& rq) {
  auto type = rq.header("Content-Type");
  auto media = type.substr(0, type.find(';'));
  if (media.empty() || media == "application/json" || media.ends_with("+json") ||
      media == "application/x-www-form-urlencoded")
    return;
  throw failure(errc::unsupported_media_type,
                "send application/json instead of " + std::string(media), "Content-Type");
}

json body_of(const request& rq) {
  check_media_type(rq);
  return rq.json_body();
}

json object_of(const request& rq) {
  auto body = body_of(rq);
  if (!body.is_object()) throw failure(errc::bad_arguments, "send a JSON object");
  return body;
}

std::string arguments_of(const request& rq) {
  check_media_type(rq);
  if (rq.body().empty()) return "null";
  if (auto ok = check_json(rq.body()); !ok) throw failure(ok.error());
  return std::string(rq.body());
}

response with_status(unsigned status, const json& document) {
  auto r = to_response(document);
  r.status = status;
  return r;
}

route_handler uncached(route_handler handler) {
  return [handler = std::move(handler)](request& rq, response_sink sink) {
    handler(rq, [sink = std::move(sink)](response r) {
      r.headers.emplace_back("Cache-Control", "no-store");
      r.headers.emplace_back("X-Content-Type-Options", "nosniff");
      sink(std::move(r));
    });
  };
}

}  // namespace sm
