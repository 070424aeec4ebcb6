// TLS on the connections of a server (OpenSSL), over sockets that do not block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// What a read or a write came to.
struct bytes_moved {
  std::size_t size = 0;
  bool blocked = false;  ///< nothing for now: wait until it is ready
  bool ended = false;    ///< by the peer, or it failed
};

/// PEM files: a server's certificate with its chain, its key, and the authorities of its clients'
/// certificates; "" asks clients for none.
struct tls_files {
  std::filesystem::path certificate, key, client_authorities{};
};

/// What a client's certificate says that is good: its names (those of DNS, mail and URI of the
/// subject's alternative names, and the common name), and from when to when it is, in Unix seconds.
struct tls_client {
  std::vector<std::string> names;
  std::int64_t begins = 0, ends = 0;
};

/// What connections of a server share. TLS 1.2 with forward secrecy and 1.3. A client that shows
/// a certificate which is not good does not get through the handshake; none is no mistake.
class tls_server {
 public:
  /// Fails with `invalid_spec`, naming the file at fault.
  static result<std::shared_ptr<const tls_server>> open(const tls_files& files);

  /// What the file of the clients' authorities held; "" without one.
  const std::string& client_authorities() const noexcept { return authorities_; }

 private:
  friend class tls_stream;
  tls_server() = default;
  std::shared_ptr<void> context_;  // SSL_CTX
  std::string authorities_;
};

/// One connection, whose socket it does not own. The first read begins the handshake.
class tls_stream {
 public:
  tls_stream(std::shared_ptr<const tls_server> server, int fd);
  ~tls_stream();
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  bytes_moved read(std::span<char> to);
  bytes_moved write(std::string_view bytes);
  /// A read that was blocked waits for room to write, as a handshake may.
  bool read_waits_for_output() const noexcept { return read_waits_for_output_; }
  /// What came before a handshake is none: somebody speaks without TLS. Nothing was read.
  bool is_plain() const noexcept { return plain_; }
  /// Whose certificate the client has shown, after the first bytes were read; nothing for none.
  std::optional<tls_client> client() const;
  /// Why the client's certificate was refused, once a read has ended; "" if it was not.
  std::string refused_certificate() const;
  const tls_server& server() const noexcept { return *server_; }
  /// Bytes that are deciphered and not read yet.
  bool has_input() const;
  /// Tells the peer that nothing more comes.
  void end_output();

 private:
  bytes_moved told(int outcome, bool reading);

  const std::shared_ptr<const tls_server> server_;
  const std::shared_ptr<void> ssl_;  // SSL
  const int fd_;
  bool begun_ = false, plain_ = false, failed_ = false, read_waits_for_output_ = false;
};

}  // namespace sm
