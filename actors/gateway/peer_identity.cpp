#include "gateway/peer_identity.hpp"

#include "security/access_tokens.hpp"

namespace sm {

peer_identity::peer_identity(std::shared_ptr<const principal> peer)
    : peer_(std::move(peer)), caller_(peer_) {
  if (peer_->from != principal::origin::unix_socket) return;
  name_ = "uid " + std::to_string(peer_->uid);
  role_ = peer_->role;
}

void peer_identity::know_certificate(const tls_client& certificate,
                                     std::span<const role_rule> rules) {
  auto found = role_of_names(rules, certificate.names);
  if (!found) {
    if (!certificate.names.empty()) name_ = certificate.names.front();
    return;
  }
  name_ = std::move(found->name);
  role_ = found->role;
  begins_ = certificate.begins;
  ends_ = certificate.ends;
}

known_peer peer_identity::known(std::int64_t now) const {
  bool over_tcp = peer_->from == principal::origin::tcp;
  if (over_tcp && (!role_ || now < begins_ || now > ends_)) return {.name = name_};
  return {over_tcp, role_, name_};
}

void peer_identity::asks(const credential& shown) {
  bool over_tcp = peer_->from == principal::origin::tcp;
  if (!over_tcp || !shown.role) {
    caller_ = peer_;
    return;
  }
  auto token = shown.token ? std::string_view(shown.token->name) : std::string_view{};
  auto services = shown.token ? std::string_view(shown.token->services) : std::string_view{};
  auto certificate = shown.by_peer ? std::string_view(name_) : std::string_view{};
  // Mostly the same as the last time.
  if (caller_->role == shown.role && caller_->token == token && caller_->services == services &&
      caller_->certificate == certificate)
    return;
  auto known = *peer_;
  known.role = shown.role;
  known.token = token;
  known.services = services;
  known.certificate = certificate;
  caller_ = std::make_shared<const principal>(std::move(known));
}

bool peer_identity::is_over(std::int64_t now) const {
  return !caller_->certificate.empty() && (!role_ || now > ends_);
}

}  // namespace sm
