// Who has which role by what the connection says of him, as the settings give it.
#pragma once

#include <sm/config.hpp>

#include "security/role_rules.hpp"

namespace sm {

struct access_rules {
  peer_roles peers;                     ///< http.socket_roles
  std::vector<role_rule> certificates;  ///< http.tls_client_roles
};

/// Fails with `invalid_spec`, naming the setting: for what is no rule, for rules about certificates
/// without an authority and the other way round, and for a socket whose path is none.
result<access_rules> read_access_rules(const http_config& http, const account_names& names);

}  // namespace sm
