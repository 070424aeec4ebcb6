#include "api/route_adder.hpp"

#include "http/body_fields.hpp"
#include "security/service_scope.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"
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

std::size_t number_of(const request& rq, const char* name, std::size_t otherwise) {
  auto text = rq.query(name);
  if (!text) return otherwise;
  auto value = parse_integer<std::size_t>(*text);
  if (!value) throw failure(errc::bad_arguments, value.error().detail, name);
  return *value;
}

bool flag_of(const request& rq, const char* name) {
  auto text = rq.query(name);
  return text && (text->empty() || *text == "1" || *text == "true");
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

json fields_of(const request& rq, std::string_view id) {
  auto body = object_of(rq);
  refuse_unknown(body, body_names(operation_called(id)));
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

namespace {

/// What the row of an operation says about its requests.
result<void> check_request(const operation& op, const request& rq) {
  std::vector<query_argument> given;
  for (auto& name : rq.query_names()) {
    auto value = rq.query(name);
    given.push_back({name, value.has_value(), value.value_or("")});
  }
  if (auto ok = check_query(op, given); !ok) return ok;
  if (op.body.what != body_schema::kind::nothing || op.method == "GET" || rq.body().empty())
    return {};
  auto body = parse_json(rq.body());
  if (!body) return tl::unexpected<error>(body.error());
  if (body->empty()) return {};
  return fail(errc::bad_arguments, "nothing is taken in the body",
              body->is_object() ? pointer_to(body->begin().key()) : std::string());
}

/// Whether a token that is good for some services alone is good for this.
result<void> check_reach(const operation& op, const request& rq) {
  auto& who = rq.caller();
  if (who.services.empty() || op.reaches() == reach::some ||
      (op.reaches() == reach::service && in_scope(who.services, rq.capture("name"))))
    return {};
  return fail(errc::forbidden,
              "the token '" + who.token + "' is good for the services " + who.services + " alone",
              "Authorization");
}

/// No cache may keep what changes by the second.
route_handler uncached(route_handler handler) {
  return [handler = std::move(handler)](request& rq, response_sink sink) {
    handler(rq, [sink = std::move(sink)](response r) {
      r.headers.emplace_back("Cache-Control", "no-store");
      r.headers.emplace_back("X-Content-Type-Options", "nosniff");
      sink(std::move(r));
    });
  };
}

route_handler checked(const operation& op, route_handler handler) {
  return [&op, handler = std::move(handler)](request& rq, response_sink sink) {
    if (auto ok = check_reach(op, rq); !ok) return sink(to_response(ok.error()));
    if (auto ok = check_request(op, rq); !ok) return sink(to_response(ok.error()));
    handler(rq, std::move(sink));
  };
}

}  // namespace

void route_adder::put(std::string_view id, route_handler handler) {
  if (!outcome_) return;
  auto op = bindings_.bind(id);
  if (!op) {
    outcome_ = tl::unexpected<error>(op.error());
    return;
  }
  endpoint to{uncached(checked(**op, std::move(handler))), (*op)->access,
              std::string((*op)->method) + " " + std::string((*op)->path), (*op)->role};
  to.operation = (*op)->id;
  to.audited = (*op)->audited();
  outcome_ = routes_.add((*op)->method, (*op)->path, std::move(to));
}

result<void> route_adder::finish() const {
  return outcome_ ? bindings_.check_complete() : outcome_;
}

}  // namespace sm
