// What is decided about a request before its body is read: the input is a head of HTTP. Beside it,
// the target's parts on their own, and the heads of answers with what a handler may have put there.
#include "http/request_head.hpp"

#include <algorithm>

#include "fuzz.hpp"
#include "http/response_head.hpp"
#include "http/router.hpp"
#include "http/url.hpp"

namespace {

using sm::fuzz::must;

constexpr std::string_view token = "0123456789abcdef";

const sm::router<sm::route_access>& routes() {
  static const auto table = [] {
    sm::router<sm::route_access> r;
    for (auto* pattern : {"/", "/files/*path", "/:any/x"})
      (void)r.add("GET", pattern, sm::route_access::user);
    for (auto* pattern : {"/v1/services", "/v1/services/:name", "/v1/services/:name/:verb"})
      (void)r.add("GET", pattern, sm::route_access::management);
    (void)r.add("POST", "/v1/services", sm::route_access::management);
    (void)r.add("GET", "/readyz", sm::route_access::probe);
    (void)r.add("GET", "/metrics", sm::route_access::details);
    return r;
  }();
  return table;
}

sm::destination destination_of(std::string_view method, std::string_view path) {
  auto found = routes().lookup(method, path);
  using table = sm::router<sm::route_access>;
  if (auto* match = std::get_if<table::match>(&found))
    return {sm::destination::kind::route, *match->value, {}};
  if (auto* wrong = std::get_if<table::wrong_method>(&found))
    return {.found = sm::destination::kind::wrong_method, .allow = wrong->allow};
  return {};
}

void judge(const sm::request_head& head) {
  auto body = sm::read_framing(head);
  auto target = sm::read_target(head.method, head.target);
  if (!body || !target) return;
  for (auto& name : sm::query_names(target->query)) (void)sm::query_value(target->query, name);
  static const auto policy = [] {
    sm::http_config c;
    c.hosts = {"example.test"};
    c.origins = {"https://app.example"};
    return sm::make_guard_policy("127.0.0.1:9501", c, std::string(token));
  }();
  auto to = destination_of(head.method, target->path);
  const sm::known_peer peers[] = {{}, {.over_tcp = false}, {false, sm::api_role::viewer}};
  for (auto& peer : peers) {
    auto refused = sm::judge(policy, peer, head, *body, *target, to, {.body_max = 4096}, 0).refused;
    if (refused) must(refused->status >= 200 && refused->status < 600, "an answer has a status");
    bool passes = !refused && to.access == sm::route_access::management;
    if (passes && peer.over_tcp)
      must(head.authorization.ends_with(token), "who manages over TCP has the token");
    if (passes && !peer.over_tcp)
      must(peer.role && (!to.role || *to.role <= *peer.role), "who manages has the role for it");
    if (!refused) must(body->length <= 4096, "no body is larger than allowed");
  }
}

void answer(std::string_view text) {
  sm::response r;
  r.content_type = text;
  r.headers = {{"X-Text", std::string(text)}, {std::string(text), "x"}};
  std::string out;
  (void)sm::append_response_head(out, r, {.request_id = sm::valid_request_id(text) ? text : ""});
  must(out.ends_with("\r\n\r\n") && out.find("\r\n\r\n") == out.size() - 4, "a head ends once");
  for (std::size_t at = 0; (at = out.find('\n', at)) != out.npos; ++at)
    must(at > 0 && out[at - 1] == '\r', "its lines end with CR and LF");
  must(std::count(out.begin(), out.end(), '\r') == std::count(out.begin(), out.end(), '\n'),
       "and have no other CR");
}

}  // namespace

SM_FUZZ_TARGET(request_head) {
  sm::head_scanner whole, bytewise;
  auto size = whole.scan(input);
  for (std::size_t n = 0; size && n <= std::min<std::size_t>(input.size(), 64); ++n)
    if (auto part = bytewise.scan(input.substr(0, n)); !part || *part > 0) break;
  answer(input.substr(0, input.find('\n')));
  must(sm::percent_decode(sm::percent_encode(input)) == std::string(input) ||
           input.find('\0') != input.npos,
       "what is encoded can be decoded");

  // As a parser gives it on.
  auto rest = input;
  auto line = sm::fuzz::take_line(rest);
  sm::request_head head;
  head.method = line.substr(0, line.find(' '));
  line.remove_prefix(std::min(head.method.size() + 1, line.size()));
  head.target = line.substr(0, line.find(' '));
  head.version = line.ends_with("1.0\r") ? 10 : 11;
  while (!rest.empty()) {
    auto field = sm::fuzz::take_line(rest);
    if (field.ends_with('\r')) field.remove_suffix(1);
    auto colon = field.find(": ");
    if (colon != field.npos) head.add(field.substr(0, colon), field.substr(colon + 2));
  }
  judge(head);
}
