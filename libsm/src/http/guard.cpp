#include "http/guard.hpp"

#include <algorithm>

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

/// Whether a page of this server asks. Browsers say so in Sec-Fetch-Site where the server can be
/// trusted to be itself; else in an Origin that is Host's.
bool same_origin(const guard_input& rq) {
  if (!rq.sec_fetch_site.empty()) return rq.sec_fetch_site == "same-origin";
  auto scheme_end = rq.origin.find("://");
  return scheme_end != rq.origin.npos &&
         lower_case(rq.origin.substr(scheme_end + 3)) == lower_case(rq.host);
}

/// Whether a page of another site asks.
bool cross_site(const guard_input& rq) {
  bool says_nothing = rq.sec_fetch_site.empty() ? rq.origin.empty() : rq.sec_fetch_site == "none";
  return !says_nothing && !same_origin(rq);
}

/// What the request shows; "" for nothing, `by_cookie` tells how.
std::string_view secret_of(const guard_policy& policy, const guard_input& rq, bool& by_cookie) {
  constexpr std::string_view scheme = "bearer ";
  auto given = rq.authorization;
  by_cookie = given.size() < scheme.size() || lower_case(given.substr(0, scheme.size())) != scheme;
  // A proxy in front may have a scheme of its own.
  return by_cookie ? cookie_value(rq.cookie, policy.cookie) : given.substr(scheme.size());
}

bool needs_role(const guard_policy& policy, const guard_input& rq) {
  switch (rq.access) {
    case route_access::user:
      return rq.role.has_value();
    case route_access::details:
      return !policy.open_details;
    case route_access::management:
    case route_access::page:
      return true;
    case route_access::probe:
    case route_access::open:
      return false;
  }
  return true;
}

/// On a Unix socket: no other site makes a browser ask there. Who has no role learns no more than
/// that somebody is alive.
result<credential> guard_local(const guard_input& rq) {
  if (!rq.peer.role) {
    if (rq.access == route_access::probe) return credential{};
    return fail(errc::forbidden,
                std::string(rq.peer.name) + " has no role here; see http.socket_roles");
  }
  if (rq.role && *rq.peer.role < *rq.role)
    return fail(errc::forbidden, std::string(rq.peer.name) + " has the role " +
                                     std::string(to_string(*rq.peer.role)) + ", this takes " +
                                     std::string(to_string(*rq.role)));
  return credential{.role = rq.peer.role, .by_peer = true};
}

}  // namespace

std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    auto end = std::min(cookies.find(';'), cookies.size());
    auto pair = trimmed(cookies.substr(0, end));
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return pair.substr(name.size() + 1);
    cookies.remove_prefix(std::min(end + 1, cookies.size()));
  }
  return {};
}

std::string session_cookie(std::string_view address) {
  auto colon = address.rfind(':');
  return "sm_session" + (colon == address.npos ? "" : "_" + std::string(address.substr(colon + 1)));
}

guard_policy make_guard_policy(const std::string& listen_address, const http_config& config,
                               std::string token) {
  guard_policy policy{{"localhost", "127.0.0.1", "[::1]"},
                      std::move(token),
                      {config.origins.begin(), config.origins.end()},
                      config.open_metrics};
  policy.cookie = session_cookie(listen_address);
  policy.hosts.insert(lower_case(without_port(listen_address)));
  for (auto& host : config.hosts) policy.hosts.insert(lower_case(host));
  return policy;
}

result<credential> credential_of(const guard_policy& policy, std::string_view secret,
                                 std::int64_t now) {
  if (equal_in_constant_time(secret, policy.token)) return credential{api_role::admin};
  auto* token = policy.tokens ? policy.tokens->find(secret, now) : nullptr;
  if (!token) return fail(errc::unauthorized, "the token is not valid", "Authorization");
  return credential{token->role, token};
}

std::optional<credential> shown_by(const guard_policy& policy, const guard_input& rq) {
  bool by_cookie = false;
  if (!rq.peer.over_tcp) return credential{.role = rq.peer.role, .by_peer = true};
  auto secret = secret_of(policy, rq, by_cookie);
  if (secret.empty() && rq.peer.role) return credential{.role = rq.peer.role, .by_peer = true};
  auto shown = credential_of(policy, secret, rq.now);
  return shown ? std::optional(*shown) : std::nullopt;
}

result<credential> guard(const guard_policy& policy, const guard_input& rq) {
  if (!rq.peer.over_tcp) return guard_local(rq);
  if (rq.host.empty()) {
    if (rq.http_1_1) return fail(errc::bad_request, "HTTP/1.1 needs a Host header", "Host");
  } else if (!policy.hosts.contains(lower_case(without_port(rq.host)))) {
    return fail(errc::misdirected,
                "'" + std::string(rq.host) + "' is not a name of this server; see http.hosts",
                "Host");
  }
  bool needs = needs_role(policy, rq);
  // Following a link is all that other sites may make a browser do here.
  bool link = rq.safe_method && (!needs || rq.access == route_access::page) &&
              rq.sec_fetch_mode == "navigate" && rq.sec_fetch_dest == "document";
  if (cross_site(rq) && !link && !policy.origins.contains(rq.origin))
    return fail(errc::forbidden, "a page of another origin may not do this; see http.origins",
                "Origin");
  if (!needs) return credential{};
  bool by_cookie = false;
  auto secret = secret_of(policy, rq, by_cookie);
  bool by_certificate = by_cookie && secret.empty() && rq.peer.role;
  if (by_cookie && secret.empty() && !by_certificate && !rq.peer.name.empty())
    return fail(errc::unauthorized,
                "the certificate '" + std::string(rq.peer.name) +
                    "' has no role here, see http.tls_client_roles; or send a token",
                "Authorization");
  if (by_cookie && secret.empty() && !by_certificate)
    return fail(errc::unauthorized,
                "send a token as 'Authorization: Bearer'; smctl takes it from SM_TOKEN or "
                "--token-file, and `smctl dashboard` signs a browser in",
                "Authorization");
  // A browser sends both, whoever made it ask; other clients send certificates of their own will.
  if (by_certificate ? !rq.safe_method && cross_site(rq)
                     : by_cookie && !rq.safe_method && !same_origin(rq))
    return fail(errc::forbidden,
                std::string("with the ") + (by_certificate ? "certificate" : "cookie") +
                    " alone, only a page of this server may do this",
                by_certificate ? "Origin" : "Cookie");
  auto shown = by_certificate
                   ? result<credential>(credential{.role = rq.peer.role, .by_peer = true})
                   : credential_of(policy, secret, rq.now);
  if (!shown) return shown;
  if (rq.role && *shown->role < *rq.role)
    return fail(errc::forbidden,
                (by_certificate ? "the certificate '" + std::string(rq.peer.name)
                                : "the token '" + shown->token->name) +
                    "' has the role " + std::string(to_string(*shown->role)) + ", this takes " +
                    std::string(to_string(*rq.role)),
                by_certificate ? "" : "Authorization");
  // The program's own routes know nothing of it.
  if (rq.access == route_access::user && shown->token && !shown->token->services.empty())
    return fail(errc::forbidden,
                "the token '" + shown->token->name + "' is good for the services " +
                    shown->token->services + " alone",
                "Authorization");
  return shown;
}

}  // namespace sm
