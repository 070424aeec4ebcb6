// Who may call: the checks against DNS rebinding, cross-site requests and missing credentials, made
// before a request is routed.
#pragma once

#include <optional>
#include <set>
#include <sm/error.hpp>
#include <string>
#include <string_view>

namespace sm {

struct guard_policy {
  std::set<std::string, std::less<>> hosts;  ///< lower case, without port
  std::string token;                         ///< bearer token of the management API
};

/// What of a request the checks look at; header values are "" when absent.
struct guard_input {
  bool over_tcp = true;     ///< on the Unix socket the peer's uid has been checked already
  bool management = false;  ///< /v1: needs the token
  bool safe_method = true;  ///< GET, HEAD, OPTIONS
  bool http_1_1 = true;
  std::string_view host;
  std::string_view origin;
  std::string_view sec_fetch_site;
  std::string_view authorization;
};

/// The host names served by default: the loopback ones, and the address itself.
guard_policy make_guard_policy(const std::string& listen_address,
                               const std::vector<std::string>& hosts, std::string token);

/// Nothing when the request may pass, else `bad_request`, `misdirected`, `forbidden`,
/// `unauthorized`.
std::optional<error> guard(const guard_policy& policy, const guard_input& rq);

/// Compares in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

}  // namespace sm
