#include "security/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>
#include <fstream>
#include <sstream>

#include "text/texts.hpp"

namespace sm {
namespace {

/// What OpenSSL says of the last failure.
std::string reason() {
  char text[256];
  auto code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "OpenSSL does not say why";
  if (const char* known = ERR_reason_error_string(code)) return known;
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

int fd_of(BIO* bio) { return *static_cast<const int*>(BIO_get_data(bio)); }

/// OpenSSL's own socket BIO writes so that a peer who has gone ends the process by SIGPIPE.
int send_some(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  auto sent = ::send(fd_of(bio), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int receive_some(BIO* bio, char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  auto got = ::recv(fd_of(bio), bytes, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

/// `fd` stays where it is for as long as the BIO does.
BIO* socket_bio(const int& fd) {
  static BIO_METHOD* method = [] {
    auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(made, send_some);
    BIO_meth_set_read(made, receive_some);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  auto* bio = BIO_new(method);
  if (!bio) throw std::bad_alloc();
  BIO_set_data(bio, const_cast<int*>(&fd));
  BIO_set_init(bio, 1);
  return bio;
}

/// The one protocol that is spoken here (RFC 7301); who offers others alone goes on without.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  auto found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, ours,
                                     sizeof ours - 1, offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

SSL* ssl_of(const std::shared_ptr<void>& kept) { return static_cast<SSL*>(kept.get()); }

/// Asks clients for certificates of these authorities.
result<void> ask_for_certificates(SSL_CTX* context, const std::filesystem::path& authorities) {
  if (SSL_CTX_load_verify_locations(context, authorities.c_str(), nullptr) != 1)
    return fail(errc::invalid_spec, "holds no authority's certificate: " + reason(),
                authorities.string());
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(authorities.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  // An authority below a root is one by itself: else all others below it would have to be let in.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  // Without one, who comes back with a ticket is refused (SSL_CTX_set_session_id_context(3)).
  static constexpr unsigned char name[] = "sm";
  SSL_CTX_set_session_id_context(context, name, sizeof name - 1);
  return {};
}

/// Adds what `text` says, if it is UTF-8 that a log can show.
void add_name(std::vector<std::string>& names, const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  auto size = ASN1_STRING_to_UTF8(&bytes, text);
  if (size < 0) return;
  std::string name(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  bool shown =
      std::none_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (!name.empty() && shown && check_text(name)) names.push_back(std::move(name));
}

std::int64_t unix_seconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

}  // namespace

result<std::shared_ptr<const tls_server>> tls_server::open(const tls_files& files) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!made) return fail(errc::internal, reason());
  auto* context = made.get();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // A write that was blocked is tried again from another place of the same bytes, and more of them.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets resume without it
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return fail(errc::internal, reason());
  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1)
    return fail(errc::invalid_spec, "is no certificate: " + reason(), files.certificate.string());
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(errc::invalid_spec, "is no key of the certificate: " + reason(),
                files.key.string());
  std::shared_ptr<tls_server> server(new tls_server);
  if (!files.client_authorities.empty()) {
    if (auto ok = ask_for_certificates(context, files.client_authorities); !ok)
      return tl::unexpected<error>(ok.error());
    std::ostringstream text;
    text << std::ifstream(files.client_authorities).rdbuf();
    server->authorities_ = std::move(text).str();
  }
  server->context_ = std::move(made);
  return server;
}

tls_stream::tls_stream(std::shared_ptr<const tls_server> server, int fd)
    : server_(std::move(server)),
      ssl_(SSL_new(static_cast<SSL_CTX*>(server_->context_.get())),
           [](void* ssl) { SSL_free(static_cast<SSL*>(ssl)); }),
      fd_(fd) {
  if (!ssl_) throw std::bad_alloc();
  auto* bio = socket_bio(fd_);
  SSL_set_bio(ssl_of(ssl_), bio, bio);
  SSL_set_accept_state(ssl_of(ssl_));
}

tls_stream::~tls_stream() = default;

bytes_moved tls_stream::read(std::span<char> to) {
  constexpr char handshake = 22;  // a record's content type (RFC 8446 5.1)
  if (!begun_) {
    char first = 0;
    auto there = ::recv(fd_, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (there < 0 && (errno == EAGAIN || errno == EINTR)) return {.blocked = true};
    begun_ = true;
    plain_ = there == 1 && first != handshake;
    if (plain_) return {};
  }
  if (failed_) return {.ended = true};
  ERR_clear_error();
  auto size = static_cast<int>(std::min<std::size_t>(to.size(), INT_MAX));
  return told(SSL_read(ssl_of(ssl_), to.data(), size), true);
}

bytes_moved tls_stream::write(std::string_view bytes) {
  if (bytes.empty()) return {};
  if (failed_) return {.ended = true};
  ERR_clear_error();
  auto size = static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX));
  return told(SSL_write(ssl_of(ssl_), bytes.data(), size), false);
}

bytes_moved tls_stream::told(int outcome, bool reading) {
  if (reading) read_waits_for_output_ = false;
  if (outcome > 0) return {.size = static_cast<std::size_t>(outcome)};
  switch (SSL_get_error(ssl_of(ssl_), outcome)) {
    case SSL_ERROR_WANT_WRITE:
      if (reading) read_waits_for_output_ = true;
      return {.blocked = true};
    case SSL_ERROR_WANT_READ:
      return {.blocked = true};
    case SSL_ERROR_ZERO_RETURN:
      return {.ended = true};
    default:
      failed_ = true;  // after which OpenSSL is asked nothing more (SSL_get_error(3))
      ERR_clear_error();
      return {.ended = true};
  }
}

std::optional<tls_client> tls_stream::client() const {
  auto* ssl = ssl_of(ssl_);
  auto* shown = begun_ && !plain_ ? SSL_get0_peer_certificate(ssl) : nullptr;
  if (!shown || SSL_get_verify_result(ssl) != X509_V_OK) return std::nullopt;
  tls_client client{
      {}, unix_seconds(X509_get0_notBefore(shown)), unix_seconds(X509_get0_notAfter(shown))};
  std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> others(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(shown, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; others && i < sk_GENERAL_NAME_num(others.get()); ++i) {
    int kind = 0;
    auto* value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(others.get(), i), &kind);
    if (kind == GEN_DNS || kind == GEN_EMAIL || kind == GEN_URI)
      add_name(client.names, static_cast<const ASN1_STRING*>(value));
  }
  auto* subject = X509_get_subject_name(shown);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    add_name(client.names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  return client;
}

std::string tls_stream::refused_certificate() const {
  if (!failed_) return {};
  auto verdict = SSL_get_verify_result(ssl_of(ssl_));
  return verdict == X509_V_OK ? std::string() : X509_verify_cert_error_string(verdict);
}

bool tls_stream::has_input() const { return begun_ && SSL_pending(ssl_of(ssl_)) > 0; }

void tls_stream::end_output() {
  if (begun_ && !plain_ && !failed_ && SSL_is_init_finished(ssl_of(ssl_)) == 1) {
    ERR_clear_error();
    SSL_shutdown(ssl_of(ssl_));
    ERR_clear_error();
  }
}

}  // namespace sm
