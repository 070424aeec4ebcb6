#include "http/request_head.hpp"

#include <algorithm>
#include <charconv>

#include "http/url.hpp"
#include "text/ascii.hpp"

namespace sm {
namespace {

/// Calls `f` with each member of a comma-separated list, without the blanks around it.
template <class F>
void each_member(std::string_view list, F f) {
  while (!list.empty()) {
    auto comma = std::min(list.find(','), list.size());
    auto member = trimmed(list.substr(0, comma));
    if (!member.empty()) f(member);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

/// curl's default type is let through: the token, or the Unix socket, already rules out a foreign
/// page's form. Lines of JSON are what an import takes; who takes one document refuses them.
bool is_json_type(std::string_view type) {
  auto media = lower_case(trimmed(type.substr(0, type.find(';'))));
  return media.empty() || media == "application/json" || media.ends_with("+json") ||
         media == "application/x-ndjson" || media == "application/x-www-form-urlencoded";
}

response options(std::string allow) {
  return {.status = 204, .content_type = {}, .headers = {{"Allow", std::move(allow)}}};
}

constexpr const char* all_methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/// Likewise, of a request that the guard lets pass.
std::optional<response> refuse_shown(const request_head& head, const framing& body,
                                     const request_target& target, const destination& to,
                                     const head_limits& limits, route_access access) {
  bool asks_options = head.method == "OPTIONS" && to.found != destination::kind::route;
  if (asks_options && target.path == "*") return options(all_methods);
  if (to.found == destination::kind::wrong_method) {
    if (asks_options) return options(to.allow);
    auto r = to_response(error{errc::method_not_allowed, "allowed here: " + to.allow, {}});
    r.headers.emplace_back("Allow", to.allow);
    return r;
  }
  // A load balancer asks so whether the server is there (HAProxy's httpchk).
  if (asks_options && target.path == "/") return options("OPTIONS");
  if (to.found == destination::kind::nowhere)
    return to_response(
        error{errc::not_found, "nothing is served at this path", std::string(target.path)});
  if (body.has_body()) {
    if (access == route_access::management && !is_json_type(head.content_type))
      return to_response(error{errc::unsupported_media_type,
                               "send application/json instead of " + std::string(head.content_type),
                               "Content-Type"});
    if (body.length > limits.body_max)
      return to_response(
          error{errc::payload_too_large,
                "the body has more than " + std::to_string(limits.body_max) + " bytes",
                {}});
    if (limits.bodies_full)
      return to_response(error{errc::overloaded, "too many bodies are on their way", {}});
  }
  if (limits.pending_full)
    return to_response(error{errc::overloaded, "too many requests wait for their answer", {}});
  return std::nullopt;
}

}  // namespace

result<std::size_t> head_scanner::scan(std::string_view text) {
  if (!text.empty() && !is_token_character(text.front()))
    return fail(errc::bad_request, "not valid HTTP: a request begins with its method");
  for (;;) {
    auto end = text.find('\n', scanned_);
    if (end == text.npos) {
      scanned_ = text.size();
      return 0;
    }
    if (end == line_ || text[end - 1] != '\r')
      return fail(errc::bad_request, "not valid HTTP: a line ends without CR");
    if (end == line_ + 1) return end + 1;
    if (text[line_] == ' ' || text[line_] == '\t')
      return fail(errc::bad_request, "not valid HTTP: a field is folded over lines");
    line_ = scanned_ = end + 1;
  }
}

void request_head::add(std::string_view name, std::string_view value) {
  auto is = [&](std::string_view known) { return equals_ignoring_case(name, known); };
  if (is("Host")) {
    ++hosts;
    host = value;
  } else if (is("Content-Length")) {
    ++content_lengths;
    content_length = value;
  } else if (is("Transfer-Encoding")) {
    ++transfer_encodings;
    transfer_encoding = value;
  } else if (is("Connection")) {
    each_member(value, [&](std::string_view option) {
      close = close || equals_ignoring_case(option, "close");
      keep_alive = keep_alive || equals_ignoring_case(option, "keep-alive");
    });
  } else if (is("Expect")) {
    expects_continue = equals_ignoring_case(value, "100-continue");
  } else if (is("Content-Type")) {
    content_type = value;
  } else if (is("Origin")) {
    origin = value;
  } else if (is("Authorization")) {
    authorization = value;
  } else if (is("Cookie")) {
    cookie = value;
  } else if (is("Sec-Fetch-Site")) {
    sec_fetch_site = value;
  } else if (is("Sec-Fetch-Mode")) {
    sec_fetch_mode = value;
  } else if (is("Sec-Fetch-Dest")) {
    sec_fetch_dest = value;
  } else if (is("X-Request-Id")) {
    request_id = value;
  } else if (is("traceparent")) {
    ++traceparents;
    traceparent = value;
  }
}

result<framing> read_framing(const request_head& head) {
  framing f;
  f.keep_alive = !head.close && (head.version >= 11 || head.keep_alive);
  if (head.transfer_encodings > 0) {
    if (head.version < 11)
      return fail(errc::bad_request, "HTTP/1.0 has no transfer codings", "Transfer-Encoding");
    if (head.content_lengths > 0)
      return fail(errc::bad_request, "a body has either a length or a transfer coding",
                  "Transfer-Encoding");
    if (head.transfer_encodings > 1 || !equals_ignoring_case(head.transfer_encoding, "chunked"))
      return fail(errc::bad_request, "the only transfer coding here is chunked",
                  "Transfer-Encoding");
    f.chunked = true;
  } else if (head.content_lengths > 0) {
    auto text = head.content_length;
    auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), f.length);
    if (head.content_lengths > 1 || ec != std::errc{} || end != text.data() + text.size())
      return fail(errc::bad_request, "must be one whole number", "Content-Length");
  }
  if (head.hosts > 1 || (head.hosts == 0 && head.version >= 11))
    return fail(errc::bad_request, "HTTP/1.1 needs one Host header", "Host");
  f.wants_continue = head.expects_continue && head.version >= 11 && f.has_body();
  return f;
}

result<request_target> read_target(std::string_view method, std::string_view target) {
  request_target t;
  if (target == "*") {
    if (method != "OPTIONS")
      return fail(errc::bad_request, "only OPTIONS asks for the whole server", "*");
    t.path = target;
    return t;
  }
  if (!target.starts_with('/')) {
    auto scheme_end = target.find("://");
    auto scheme = lower_case(target.substr(0, std::min(scheme_end, std::size_t{5})));
    if (scheme_end == target.npos || (scheme != "http" && scheme != "https"))
      return fail(errc::bad_request, "a target begins with '/' or http://", std::string(target));
    target.remove_prefix(scheme_end + 3);
    t.authority = target.substr(0, target.find_first_of("/?"));
    // RFC 9110 4.2.4: user information in a link is there to deceive.
    if (t.authority.empty() || t.authority.find('@') != t.authority.npos)
      return fail(errc::bad_request, "is no host", std::string(t.authority));
    target.remove_prefix(t.authority.size());
  }
  auto question = std::min(target.find('?'), target.size());
  t.path = target.substr(0, question);
  t.query = target.substr(std::min(question + 1, target.size()));
  if (t.path.empty()) t.path = "/";
  return t;
}

head_verdict judge(const guard_policy& policy, const known_peer& peer, const request_head& head,
                   const framing& body, const request_target& target, const destination& to,
                   const head_limits& limits, std::int64_t now) {
  auto access = to.access;
  // A path that is not there is no secret, but who asks for one under /v1 shows a token first.
  if (to.found != destination::kind::route && target.path.starts_with("/v1/"))
    access = route_access::management;
  if (access == route_access::probe && query_value(target.query, "verbose"))
    access = route_access::details;
  guard_input check{.peer = peer,
                    .access = access,
                    .role = to.role,
                    .now = now,
                    .safe_method = is_safe(head.method),
                    .http_1_1 = head.version >= 11,
                    .host = target.authority.empty() ? head.host : target.authority,
                    .origin = head.origin,
                    .sec_fetch_site = head.sec_fetch_site,
                    .sec_fetch_mode = head.sec_fetch_mode,
                    .sec_fetch_dest = head.sec_fetch_dest,
                    .authorization = head.authorization,
                    .cookie = head.cookie};
  auto shown = guard(policy, check);
  if (!shown)
    return {to_response(shown.error()), shown_by(policy, check).value_or(credential{}),
            shown.error()};
  return {refuse_shown(head, body, target, to, limits, access), *shown};
}

std::optional<trace_context> trace_of(const request_head& head) noexcept {
  if (head.traceparents != 1) return std::nullopt;
  return read_traceparent(head.traceparent);
}

bool valid_request_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return is_alphanumeric(c) || std::string_view("-._~+/=:").find(c) != std::string_view::npos;
  });
}

}  // namespace sm
