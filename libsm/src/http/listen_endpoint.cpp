#include "http/listen_endpoint.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <optional>

#include "text/numbers.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

/// Whether nobody but this host reaches an address; nothing for what is none.
std::optional<bool> is_loopback(const std::string& address) {
  in_addr four{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  // A link-local address may name its interface: "fe80::1%eth0".
  auto number = address.substr(0, address.find('%'));
  if (::inet_pton(AF_INET6, number.c_str(), &six) != 1) return std::nullopt;
  return IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace

result<tcp_endpoint> listen_endpoint(const http_config& http) {
  auto& text = http.listen;
  auto colon = text.rfind(':');
  auto port = parse_integer<std::uint16_t>(
      colon == text.npos ? std::string_view() : std::string_view(text).substr(colon + 1));
  tcp_endpoint end{.host = text.substr(0, colon), .address = {}, .port = port.value_or(0)};
  end.address = end.host;
  bool brackets = end.host.starts_with('[') && end.host.ends_with(']');
  if (brackets) end.address = end.host.substr(1, end.host.size() - 2);
  if (end.host == "localhost") end.address = "127.0.0.1";
  auto loopback = is_loopback(end.address);
  if (!port || !loopback)
    return fail(errc::invalid_spec,
                in_quotes(text) + " is no address; write for example 127.0.0.1:9501",
                "http.listen");
  if (http.tls_certificate.empty() != http.tls_key.empty())
    return fail(errc::invalid_spec,
                std::string("TLS takes a certificate and its key: ") +
                    (http.tls_key.empty() ? "http.tls_key" : "http.tls_certificate") +
                    " is not set",
                "http.listen");
  if (!*loopback && !http.insecure && http.tls_key.empty())
    return fail(errc::invalid_spec,
                "'" + text +
                    "' can be reached from other hosts, without TLS: set http.tls_certificate and "
                    "http.tls_key, or http.insecure=true if you mean it",
                "http.listen");
  return end;
}

tls_files tls_files_of(const http_config& http) {
  return {http.tls_certificate, http.tls_key, http.tls_client_ca};
}

}  // namespace sm
