// Where http.listen says that the manager listens.
#pragma once

#include <cstdint>
#include <sm/config.hpp>
#include <sm/error.hpp>
#include <string>

#include "security/tls.hpp"

namespace sm {

struct tcp_endpoint {
  std::string host;     ///< as it was written, for URLs: "localhost", "[::1]"
  std::string address;  ///< numeric, without brackets
  std::uint16_t port = 0;
};

/// Fails with `invalid_spec` for what is no numeric address (or "localhost") with a port, and for
/// one that other hosts can reach, unless there is TLS or `insecure` is set.
result<tcp_endpoint> listen_endpoint(const http_config& http);

/// The files of TLS that the settings name.
tls_files tls_files_of(const http_config& http);

}  // namespace sm
