#include "http/access_rules.hpp"

namespace sm {

result<access_rules> read_access_rules(const http_config& http, const account_names& names) {
  const std::string of_socket = "http.socket_roles", of_certificates = "http.tls_client_roles",
                    authority = "http.tls_client_ca";
  auto users = read_role_rules(http.socket_roles, of_socket);
  if (!users) return tl::unexpected<error>(users.error());
  auto peers = peer_roles::resolve(*users, names, of_socket);
  if (!peers) return tl::unexpected<error>(peers.error());
  auto certificates = read_role_rules(http.tls_client_roles, of_certificates);
  if (!certificates) return tl::unexpected<error>(certificates.error());
  for (auto& rule : *certificates)
    if (rule.group)
      return fail(errc::invalid_spec, "'@" + rule.who + "': certificates have no groups",
                  of_certificates);
  if (!http.tls_client_ca.empty() && http.tls_key.empty())
    return fail(errc::invalid_spec, "takes TLS: set http.tls_certificate and http.tls_key, too",
                authority);
  if (http.tls_client_ca.empty() && !certificates->empty())
    return fail(errc::invalid_spec, "say nothing without http.tls_client_ca", of_certificates);
  if (!http.tls_client_ca.empty() && certificates->empty())
    return fail(errc::invalid_spec,
                "gives nobody a role without http.tls_client_roles, such as 'NAME=viewer'",
                authority);
  return access_rules{std::move(*peers), std::move(*certificates)};
}

}  // namespace sm
