#include "telemetry/otlp_client.hpp"

#include "http/client/http_client.hpp"
#include "json_members.hpp"
#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::size_t why_max = 1 << 10;  // bytes of what it says that are logged

}  // namespace

result<otlp_endpoint> read_otlp_endpoint(std::string_view text) {
  constexpr std::string_view scheme = "http://";
  auto refuse = [&](std::string_view why) {
    return fail(errc::bad_arguments, "'" + std::string(text) + "' " + std::string(why));
  };
  if (text.starts_with("https://"))
    return refuse("needs TLS, which is not spoken here: use a collector of this host");
  if (!text.starts_with(scheme)) return refuse("is no http://HOST[:PORT]");
  auto rest = text.substr(scheme.size());
  auto slash = std::min(rest.find('/'), rest.size());
  auto authority = rest.substr(0, slash);
  auto server = parse_server_address(std::string(scheme) + std::string(authority));
  if (!server) return refuse("is no http://HOST[:PORT]");
  // What names no port has the client's own default, which is not a collector's.
  bool has_port = authority.find(':', authority.rfind(']') + 1) != authority.npos;
  auto path = std::string(rest.substr(slash));
  return otlp_endpoint{server->host, has_port ? server->port : "4318",
                       path.empty() || path == "/" ? "/v1/traces" : path};
}

otlp_outcome outcome_of_otlp(unsigned status, std::string_view body) {
  using kind = otlp_outcome::kind;
  if (status == 429 || status == 502 || status == 503 || status == 504)
    return {kind::later, "it answered " + std::to_string(status)};
  auto document = parse_json(body);
  if (status < 200 || status > 299) {
    auto why = document ? shortened(text_in(*document, "message"), why_max) : std::string{};
    return {kind::refused,
            "it answered " + std::to_string(status) + (why.empty() ? "" : ": " + why)};
  }
  if (!document) return {};
  auto& part = at(*document, "partialSuccess");
  auto& refused = at(part, "rejectedSpans");
  // Numbers of 64 bits are strings in the JSON of Protocol Buffers; not all write them so.
  auto count = parse_integer<std::uint64_t>(refused.is_string() ? refused.get<std::string>()
                                                                : refused.dump());
  if (!count || *count == 0) return {};
  return {kind::accepted,
          "it refused " + std::to_string(*count) +
              " spans: " + shortened(text_in(part, "errorMessage"), why_max),
          *count};
}

otlp_outcome send_spans(const otlp_endpoint& to, std::string document,
                        std::chrono::milliseconds patience) {
  http_client client({.host = to.host, .port = to.port});
  auto reply = client.ask({.method = "POST", .target = to.path, .body = std::move(document)},
                          std::chrono::steady_clock::now() + patience);
  if (!reply)
    return {otlp_outcome::kind::later, reply.error().code == errc::timeout
                                           ? "it does not answer"
                                           : "there is none at " + to.host + ":" + to.port};
  return outcome_of_otlp(reply->status, reply->body);
}

}  // namespace sm
