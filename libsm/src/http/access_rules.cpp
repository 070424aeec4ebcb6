#include "http/access_rules.hpp"

#include <sys/un.h>

#include "text/texts.hpp"

namespace sm {
namespace {

/// Absolute, so that it does not depend on where somebody starts the manager.
result<void> check_socket_path(const std::filesystem::path& path) {
  auto& text = path.native();
  auto wrong = [&](const std::string& why) {
    return fail(errc::invalid_spec, in_quotes(text) + " " + why, "http.socket");
  };
  if (!path.is_absolute()) return wrong("is no absolute path; write for example /run/smd.sock");
  if (!path.has_filename()) return wrong("ends with no name");
  if (text.size() >= sizeof(sockaddr_un::sun_path))
    return wrong("is too long for a socket (107 bytes)");
  return {};
}

}  // namespace

result<access_rules> read_access_rules(const http_config& http, const account_names& names) {
  const std::string of_socket = "http.socket_roles", of_certificates = "http.tls_client_roles",
                    authority = "http.tls_client_ca";
  if (!http.socket.empty())
    if (auto ok = check_socket_path(http.socket); !ok) return tl::unexpected<error>(ok.error());
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
