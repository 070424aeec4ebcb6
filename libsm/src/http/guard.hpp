// Who may call: the checks against DNS rebinding, cross-site requests and missing credentials, made
// before a request is routed.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <sm/config.hpp>
#include <sm/error.hpp>
#include <string>
#include <string_view>

#include "security/api_role.hpp"

namespace sm {

class access_tokens;
struct access_token;

/// Kinds of routes, by who may ask them over TCP. Each has its own share of what may wait.
enum class route_access : std::uint8_t {
  user,        ///< the program's own: anybody, unless it checks itself
  probe,       ///< alive and ready: anybody
  details,     ///< names of services and queues: the token, unless http.open_metrics
  management,  ///< the token
};

struct guard_policy {
  std::set<std::string, std::less<>> hosts;    ///< lower case, without port
  std::string token;                           ///< the state folder's bearer token, an admin's
  std::set<std::string, std::less<>> origins;  ///< of other sites whose pages may call
  bool open_details = false;
  access_tokens* tokens = nullptr;  ///< those that were made besides
};

/// What of a request the checks look at; header values are "" when absent.
struct guard_input {
  bool over_tcp = true;  ///< on the Unix socket the peer's uid has been checked already
  route_access access = route_access::user;
  api_role role = api_role::viewer;  ///< that the operation takes
  std::int64_t now = 0;              ///< Unix seconds
  bool safe_method = true;           ///< GET, HEAD, OPTIONS
  bool http_1_1 = true;
  std::string_view host;
  std::string_view origin;
  std::string_view sec_fetch_site;
  std::string_view sec_fetch_mode;
  std::string_view sec_fetch_dest;
  std::string_view authorization;
};

/// The host names served by default: the loopback ones, and the address itself.
guard_policy make_guard_policy(const std::string& listen_address, const http_config& config,
                               std::string token);

/// What a request that may pass has shown: a token that was made, or null. Else `bad_request`,
/// `misdirected`, `forbidden`, `unauthorized`.
result<access_token*> guard(const guard_policy& policy, const guard_input& rq);

}  // namespace sm
