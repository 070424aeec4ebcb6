#include "http/guard.hpp"

#include <vector>

#include "security/access_tokens.hpp"
#include "security/constant_time.hpp"
#include "text/ascii.hpp"

namespace sm {
namespace {

/// "host:port" without its port; brackets of an IPv6 address stay.
std::string_view without_port(std::string_view authority) {
  auto colon = authority.rfind(':');
  if (colon == authority.npos || authority.find(']', colon) != authority.npos) return authority;
  return authority.substr(0, colon);
}

/// A page of another site makes the browser say so in Sec-Fetch-Site; older browsers send an Origin
/// that differs from Host.
bool cross_site(const guard_input& rq) {
  if (!rq.sec_fetch_site.empty())
    return rq.sec_fetch_site != "same-origin" && rq.sec_fetch_site != "none";
  if (rq.origin.empty()) return false;
  auto scheme_end = rq.origin.find("://");
  return scheme_end == rq.origin.npos ||
         lower_case(rq.origin.substr(scheme_end + 3)) != lower_case(rq.host);
}

}  // namespace

guard_policy make_guard_policy(const std::string& listen_address, const http_config& config,
                               std::string token) {
  guard_policy policy{{"localhost", "127.0.0.1", "[::1]"},
                      std::move(token),
                      {config.origins.begin(), config.origins.end()},
                      config.open_metrics};
  policy.hosts.insert(lower_case(without_port(listen_address)));
  for (auto& host : config.hosts) policy.hosts.insert(lower_case(host));
  return policy;
}

result<access_token*> guard(const guard_policy& policy, const guard_input& rq) {
  if (!rq.over_tcp) return nullptr;
  if (rq.host.empty()) {
    if (rq.http_1_1) return fail(errc::bad_request, "HTTP/1.1 needs a Host header", "Host");
  } else if (!policy.hosts.contains(lower_case(without_port(rq.host)))) {
    return fail(errc::misdirected,
                "'" + std::string(rq.host) + "' is not a name of this server; see http.hosts",
                "Host");
  }
  bool needs_token = rq.access == route_access::management ||
                     (rq.access == route_access::details && !policy.open_details);
  // Following a link is all that other sites may make a browser do here.
  bool link = rq.safe_method && !needs_token && rq.sec_fetch_mode == "navigate" &&
              rq.sec_fetch_dest == "document";
  if (cross_site(rq) && !link && !policy.origins.contains(rq.origin))
    return fail(errc::forbidden, "a page of another origin may not do this; see http.origins",
                "Origin");
  if (!needs_token) return nullptr;
  constexpr std::string_view scheme = "bearer ";
  auto given = rq.authorization;
  if (given.size() < scheme.size() || lower_case(given.substr(0, scheme.size())) != scheme)
    return fail(
        errc::unauthorized,
        "send a token as 'Authorization: Bearer'; smctl takes it from SM_TOKEN or --token-file",
        "Authorization");
  auto secret = given.substr(scheme.size());
  if (equal_in_constant_time(secret, policy.token)) return nullptr;
  auto* token = policy.tokens ? policy.tokens->find(secret, rq.now) : nullptr;
  if (!token) return fail(errc::unauthorized, "the token is not valid", "Authorization");
  if (token->role < rq.role)
    return fail(errc::forbidden,
                "the token '" + token->name + "' has the role " +
                    std::string(to_string(token->role)) + ", this takes " +
                    std::string(to_string(rq.role)),
                "Authorization");
  return token;
}

}  // namespace sm
