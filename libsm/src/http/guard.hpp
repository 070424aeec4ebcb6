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

#include <sm/api_role.hpp>

namespace sm {

class access_tokens;
struct access_token;

/// Kinds of routes, by who may ask them over TCP. Each has its own share of what may wait.
enum class route_access : std::uint8_t {
  user,        ///< the program's own: anybody, unless it checks itself
  probe,       ///< alive and ready: anybody
  details,     ///< names of services and queues: the token, unless http.open_metrics
  management,  ///< the token
  open,        ///< the way to sign in, and the files of pages: anybody
  page,        ///< of the dashboard: the token; a link on another site may lead to it
};

/// The cookie of the manager that listens on `address`. Cookies know no ports (RFC 6265 8.5), so
/// the port is in the name: two managers of one host keep their sessions apart.
std::string session_cookie(std::string_view address);

/// The value of `name` in a Cookie field (RFC 6265 4.2.1), or "".
std::string_view cookie_value(std::string_view cookies, std::string_view name);

struct guard_policy {
  std::set<std::string, std::less<>> hosts;    ///< lower case, without port
  std::string token;                           ///< the state folder's bearer token, an admin's
  std::set<std::string, std::less<>> origins;  ///< of other sites whose pages may call
  bool open_details = false;
  access_tokens* tokens = nullptr;          ///< those that were made besides
  std::string cookie = session_cookie("");  ///< in which a browser shows its token
};

/// What the connection itself tells of who asks.
struct known_peer {
  bool over_tcp = true;
  /// By the user of a process on a Unix socket, or by a client's certificate.
  std::optional<api_role> role{};
  std::string_view name{};  ///< "uid 1000", or a name in the certificate, without a role, too
};

/// What of a request the checks look at; header values are "" when absent.
struct guard_input {
  known_peer peer{};
  route_access access = route_access::user;
  /// That it takes; of a user route, nothing where anybody may.
  std::optional<api_role> role{};
  std::int64_t now = 0;     ///< Unix seconds
  bool safe_method = true;  ///< GET, HEAD, OPTIONS
  bool http_1_1 = true;
  std::string_view host;
  std::string_view origin;
  std::string_view sec_fetch_site;
  std::string_view sec_fetch_mode;
  std::string_view sec_fetch_dest;
  std::string_view authorization;
  std::string_view cookie;
};

/// What a request that may pass has shown.
struct credential {
  std::optional<api_role> role{};  ///< nothing: nothing was asked for
  access_token* token = nullptr;   ///< one that was made, or null
  bool by_peer = false;            ///< what the connection tells, no secret
};

/// The host names served by default: the loopback ones, and the address itself.
guard_policy make_guard_policy(const std::string& listen_address, const http_config& config,
                               std::string token);

/// Whose secret it is: the state folder's, or that of a token that was made and whose time is not
/// over. Else `unauthorized`.
result<credential> credential_of(const guard_policy& policy, std::string_view secret,
                                 std::int64_t now);

/// What `rq` shows, whether or not it may do this: for who writes down that it may not. Nothing
/// where that is good for nothing.
std::optional<credential> shown_by(const guard_policy& policy, const guard_input& rq);

/// Fails with `bad_request`, `misdirected`, `forbidden`, `unauthorized`. What a browser does by its
/// cookie or its certificate must be asked by a page of this server, if it changes anything.
result<credential> guard(const guard_policy& policy, const guard_input& rq);

}  // namespace sm
