// Who is at the other end of a connection, and who asks by it: the same, with what a request shows.
#pragma once

#include <cstdint>
#include <memory>
#include <sm/principal.hpp>
#include <span>
#include <string>

#include "http/guard.hpp"
#include "security/role_rules.hpp"
#include "security/tls.hpp"

namespace sm {

class peer_identity {
 public:
  explicit peer_identity(std::shared_ptr<const principal> peer);

  /// The certificate that the handshake checked; `rules` say what its names may do.
  void know_certificate(const tls_client& certificate, std::span<const role_rule> rules);
  /// `now` in Unix seconds, here and below: a certificate counts for as long as it is good.
  known_peer known(std::int64_t now) const;
  /// A request has shown this.
  void asks(const credential& shown);
  /// Who asked last; before that, who is there. Shared with requests, which may outlive their
  /// connection.
  const std::shared_ptr<const principal>& caller() const noexcept { return caller_; }
  /// Its authority is none any more.
  void forget_certificate() { role_.reset(); }
  /// Who asked last did it by a certificate whose time is over, or that was forgotten.
  bool is_over(std::int64_t now) const;

 private:
  const std::shared_ptr<const principal> peer_;
  std::shared_ptr<const principal> caller_;
  std::string name_;
  std::optional<api_role> role_;
  std::int64_t begins_ = 0, ends_ = 0;  // of the certificate
};

}  // namespace sm
