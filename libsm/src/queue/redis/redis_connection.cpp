#include "queue/redis/redis_connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <memory>
#include <vector>

#include "process/deadline.hpp"
#include "process/tcp_connect.hpp"
#include "system/random.hpp"
#include "system/system_error.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using clock = redis_connection::clock;

/// OpenSSL writes with write(2): a peer that is gone must not end a program that uses the queue.
class broken_pipe_guard {
 public:
  broken_pipe_guard() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~broken_pipe_guard() {
    timespec none{};
    if (!was_pending_)
      while (::sigtimedwait(&pipe_, nullptr, &none) > 0) {
      }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  broken_pipe_guard(const broken_pipe_guard&) = delete;
  broken_pipe_guard& operator=(const broken_pipe_guard&) = delete;

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

std::string tls_reason() {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  ::ERR_clear_error();
  return text.data();
}

result<unique_fd> connect_unix(const std::string& path, clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(errc::invalid_spec, "the path is too long for a socket (107 bytes)", path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return connect_socket(reinterpret_cast<const sockaddr*>(&address), sizeof address, path,
                        deadline);
}

result<unique_fd> connect_host(const redis_address& a, clock::time_point deadline) {
  auto socket = connect_tcp(a.host, a.port, deadline);
  if (!socket) return socket;
  int one = 1;
  // Closed with something unanswered it is given up: what has not arrived shall not arrive later.
  linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket->get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  ::setsockopt(socket->get(), SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
  return socket;
}

}  // namespace

std::int64_t number_of(std::string_view text) noexcept {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

error server_error(std::string_view text, const std::string& where) {
  // Before 7.0 an error within a script stands behind words about the script.
  auto code = text;
  if (text.starts_with("ERR Error running script"))
    if (auto dash = text.find(" -"); dash != text.npos) code = text.substr(dash + 2);
  for (auto* passes : {"LOADING", "READONLY", "MASTERDOWN", "NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN",
                       "BUSY ", "MISCONF", "OOM", "ERR max number of clients"})
    if (code.starts_with(passes)) return {errc::unavailable, std::string(text), where};
  // Our scripts' own: a key of another kind stands where a queue should be.
  if (code.starts_with("NOLIST ")) return {errc::conflict, std::string(code.substr(7)), where};
  return {errc::internal, std::string(text), where};
}

void redis_connection::ssl_deleter::operator()(ssl_st* s) const noexcept { ::SSL_free(s); }

redis_connection::redis_connection(unique_fd socket, std::string name, reply_limits limits)
    : socket_(std::move(socket)),
      name_(std::move(name)),
      reader_(::redisReaderCreate()),
      scanner_(limits),
      salt_(random_hex(4) + ":") {}
redis_connection::~redis_connection() = default;

error redis_connection::broken(const std::string& why) const {
  return {errc::unavailable, why, name_};
}

error redis_connection::in_doubt(const std::string& why) const {
  return broken(why + ": whether it did what it was asked is in doubt");
}

result<redis_connection> redis_connection::open(const redis_address& address, const redis_url& url,
                                                clock::time_point deadline, reply_limits limits) {
  auto name = address.path.empty() ? address.host + ":" + address.port : address.path;
  auto socket =
      address.path.empty() ? connect_host(address, deadline) : connect_unix(address.path, deadline);
  if (!socket) return tl::unexpected<error>(socket.error());
  redis_connection c(std::move(*socket), std::move(name), limits);
  if (url.tls)
    if (auto ok = c.start_tls(address, url, deadline); !ok)
      return tl::unexpected<error>(ok.error());
  if (auto ok = c.log_in(url, deadline); !ok) return tl::unexpected<error>(ok.error());
  return c;
}

result<void> redis_connection::start_tls(const redis_address& address, const redis_url& url,
                                         clock::time_point deadline) {
  std::unique_ptr<ssl_ctx_st, decltype(&::SSL_CTX_free)> context(
      ::SSL_CTX_new(::TLS_client_method()), &::SSL_CTX_free);
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  bool loaded = url.ca.empty()
                    ? ::SSL_CTX_set_default_verify_paths(context.get()) == 1
                    : ::SSL_CTX_load_verify_locations(context.get(), url.ca.c_str(), nullptr) == 1;
  if (!loaded) return fail(errc::invalid_spec, "cannot read the CA: " + tls_reason(), url.ca);
  if (!url.certificate.empty()) {
    auto& key = url.key.empty() ? url.certificate : url.key;
    if (::SSL_CTX_use_certificate_chain_file(context.get(), url.certificate.c_str()) != 1 ||
        ::SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
      return fail(errc::invalid_spec, "cannot read the certificate: " + tls_reason(),
                  url.certificate);
  }
  ::SSL_CTX_set_verify(context.get(), url.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  tls_.reset(::SSL_new(context.get()));
  ::SSL_set_fd(tls_.get(), socket_.get());
  ::SSL_set_tlsext_host_name(tls_.get(), const_cast<char*>(address.host.c_str()));
  // A certificate may name the host, or its address.
  auto* wanted = ::SSL_get0_param(tls_.get());
  if (::X509_VERIFY_PARAM_set1_ip_asc(wanted, address.host.c_str()) != 1)
    ::X509_VERIFY_PARAM_set1_host(wanted, address.host.c_str(), 0);
  for (;;) {
    broken_pipe_guard guard;
    ::ERR_clear_error();
    int outcome = ::SSL_connect(tls_.get());
    if (outcome == 1) return {};
    int why = ::SSL_get_error(tls_.get(), outcome);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
      // Waiting mends no certificate.
      if (auto verified = ::SSL_get_verify_result(tls_.get()); verified != X509_V_OK)
        return fail(
            errc::internal,
            std::string("its certificate is refused: ") + ::X509_verify_cert_error_string(verified),
            name_);
      return fail(errc::unavailable, "no TLS: " + tls_reason(), name_);
    }
    if (auto ok = wait(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline); !ok) return ok;
  }
}

result<void> redis_connection::log_in(const redis_url& url, clock::time_point deadline) {
  if (!url.password.empty()) {
    auto reply = url.user.empty() ? call({"AUTH", url.password}, deadline)
                                  : call({"AUTH", url.user, url.password}, deadline);
    if (!reply) return tl::unexpected<error>(reply.error());
  }
  if (url.database != 0)
    if (auto reply = call({"SELECT", std::to_string(url.database)}, deadline); !reply)
      return tl::unexpected<error>(reply.error());
  return {};
}

void redis_connection::append(std::span<const std::string_view> arguments) {
  // As redisFormatCommandArgv writes it, into a buffer that is kept.
  auto number = [this](char sign, std::size_t value) {
    output_ += sign;
    output_ += std::to_string(value);
    output_ += "\r\n";
  };
  ++awaited_;
  number('*', arguments.size());
  for (auto& argument : arguments) {
    number('$', argument.size());
    output_ += argument;
    output_ += "\r\n";
  }
}

result<void> redis_connection::wait(short events, clock::time_point deadline) {
  pollfd watched{socket_.get(), events, 0};
  // Over is over, also with a peer that sends one byte after the other.
  while (clock::now() < deadline) {
    int ready = ::poll(&watched, 1, left_ms(deadline));
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return system_failure("cannot wait", name_);
  }
  return tl::unexpected<error>(broken("did not answer in time"));
}

result<void> redis_connection::flush(clock::time_point deadline) {
  std::string_view rest = output_;
  while (!rest.empty()) {
    std::ptrdiff_t sent = 0;
    short blocked_by = 0;
    if (tls_) {
      broken_pipe_guard guard;
      ::ERR_clear_error();
      sent = ::SSL_write(tls_.get(), rest.data(),
                         static_cast<int>(std::min<std::size_t>(rest.size(), 1 << 20)));
      if (sent <= 0) {
        int why = ::SSL_get_error(tls_.get(), static_cast<int>(sent));
        if (why == SSL_ERROR_WANT_READ) blocked_by = POLLIN;
        if (why == SSL_ERROR_WANT_WRITE) blocked_by = POLLOUT;
        if (blocked_by == 0) return tl::unexpected<error>(broken("the connection is lost"));
      }
    } else {
      sent = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EINTR) {
        if (errno != EAGAIN) return system_failure("the connection is lost", name_);
        blocked_by = POLLOUT;
      }
    }
    if (blocked_by != 0) {
      if (auto ok = wait(blocked_by, deadline); !ok) return ok;
      continue;
    }
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  output_.clear();
  if (output_.capacity() > 1 << 20) output_.shrink_to_fit();
  return {};
}

result<std::size_t> redis_connection::receive() {
  // Not in the thread's own storage: that is part of each thread's stack, used or not.
  static thread_local const auto buffer = std::make_unique<std::array<char, 64 << 10>>();
  auto& chunk = *buffer;
  std::ptrdiff_t got = 0;
  if (tls_) {
    broken_pipe_guard guard;
    ::ERR_clear_error();
    got = ::SSL_read(tls_.get(), chunk.data(), static_cast<int>(chunk.size()));
    if (got <= 0) {
      int why = ::SSL_get_error(tls_.get(), static_cast<int>(got));
      if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return std::size_t{0};
      return tl::unexpected<error>(broken("the connection is lost"));
    }
  } else {
    got = ::recv(socket_.get(), chunk.data(), chunk.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::size_t{0};
    if (got <= 0) return tl::unexpected<error>(broken("the connection is lost"));
  }
  if (auto why = scanner_.take({chunk.data(), static_cast<std::size_t>(got)}); !why.empty())
    return tl::unexpected<error>(in_doubt(why));
  if (!awaits_messages_ && scanner_.whole() > awaited_)
    return tl::unexpected<error>(in_doubt("it answered what nobody asked"));
  if (::redisReaderFeed(reader_.get(), chunk.data(), static_cast<std::size_t>(got)) != REDIS_OK)
    return tl::unexpected<error>(broken(reader_->errstr));
  return static_cast<std::size_t>(got);
}

result<redis_reply> redis_connection::next_received() {
  void* reply = nullptr;
  if (::redisReaderGetReply(reader_.get(), &reply) != REDIS_OK)
    return tl::unexpected<error>(broken(reader_->errstr));
  if (reply) {
    scanner_.took_one();
    if (awaited_ > 0) --awaited_;
  }
  return redis_reply(static_cast<redisReply*>(reply));
}

result<redis_reply> redis_connection::try_read() {
  for (;;) {
    auto reply = next_received();
    if (!reply || *reply) return reply;
    auto got = receive();
    if (!got) return tl::unexpected<error>(got.error());
    if (*got == 0) return redis_reply{};
  }
}

result<redis_reply> redis_connection::read(clock::time_point deadline) {
  for (;;) {
    auto reply = next_received();
    if (!reply || *reply) return reply;
    // What was just asked is not answered yet: looking before waiting is a call for nothing.
    bool has_some = tls_ && ::SSL_pending(tls_.get()) > 0;
    if (!has_some)
      if (auto ok = wait(POLLIN, deadline); !ok) {
        auto last = try_read();
        if (!last || *last) return last;
        return tl::unexpected<error>(ok.error());
      }
    if (auto got = receive(); !got) return tl::unexpected<error>(got.error());
  }
}

result<redis_reply> redis_connection::call(std::span<const std::string_view> arguments,
                                           clock::time_point deadline) {
  append(arguments);
  if (auto ok = flush(deadline); !ok) return tl::unexpected<error>(ok.error());
  auto reply = read(deadline);
  if (!reply) return reply;
  if ((*reply)->type == REDIS_REPLY_ERROR)
    return tl::unexpected<error>(server_error(text_of(**reply), name_));
  if (!is_one_of(**reply, reply_to(arguments.front())))
    return tl::unexpected<error>(in_doubt("it answered " + std::string(arguments.front()) +
                                          " with " + name_of_kind(**reply)));
  return reply;
}

void redis_connection::append_echo() {
  echo_ = new_nonce();
  std::array<std::string_view, 2> ping{"PING", echo_};
  append(ping);
}

result<void> redis_connection::answered_echo(clock::time_point deadline) {
  auto reply = read(deadline);
  if (!reply) return tl::unexpected<error>(reply.error());
  // Who may not ask is believed.
  if ((*reply)->type == REDIS_REPLY_ERROR && text_of(**reply).starts_with("NOPERM")) return {};
  if ((*reply)->type == REDIS_REPLY_STRING && text_of(**reply) == echo_) return {};
  return tl::unexpected<error>(in_doubt("its replies are not those to what it was asked"));
}

}  // namespace sm
