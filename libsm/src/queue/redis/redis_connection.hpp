// One connection to a Redis server: hiredis writes the commands and reads the replies, over a
// socket of ours, so that TCP, Unix sockets and TLS (which Debian's hiredis lacks) have the same
// deadlines. What a server sends is bounded before it is stored, and a reply of a kind that its
// command has not is no answer. Used by one thread.
#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <sm/error.hpp>
#include <span>
#include <string>
#include <string_view>

#include "queue/redis/redis_url.hpp"
#include "queue/redis/reply_kind.hpp"
#include "queue/redis/reply_scanner.hpp"
#include "system/unique_fd.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace sm {

struct redis_reply_deleter {
  void operator()(redisReply* reply) const noexcept { ::freeReplyObject(reply); }
};
using redis_reply = std::unique_ptr<redisReply, redis_reply_deleter>;

inline std::string_view text_of(const redisReply& r) noexcept {
  return r.str ? std::string_view(r.str, r.len) : std::string_view{};
}
inline std::span<redisReply* const> elements_of(const redisReply& r) noexcept {
  return {r.element, r.type == REDIS_REPLY_ARRAY ? r.elements : 0};
}

/// A whole number that came as one, or as text; 0 for anything else.
std::int64_t number_of(std::string_view text) noexcept;
inline std::int64_t number_of(const redisReply& r) noexcept {
  return r.type == REDIS_REPLY_INTEGER ? r.integer : number_of(text_of(r));
}

class redis_connection {
 public:
  using clock = std::chrono::steady_clock;

  /// Connects, checks the server's certificate, logs in and selects the database. Fails with
  /// `unavailable`, or for what no waiting mends, such as a certificate or password, `internal`.
  static result<redis_connection> open(const redis_address& address, const redis_url& url,
                                       clock::time_point deadline, reply_limits limits = {});
  redis_connection(redis_connection&&) noexcept = default;
  redis_connection& operator=(redis_connection&&) noexcept = default;
  ~redis_connection();

  /// Adds a command to what `flush` sends.
  void append(std::span<const std::string_view> arguments);
  result<void> flush(clock::time_point deadline);
  /// The next reply; one that is an error of the server is a reply, too. After a failure the
  /// connection is of no more use.
  result<redis_reply> read(clock::time_point deadline);
  /// A whole reply that has come already, or nothing; without waiting.
  result<redis_reply> try_read();
  /// A command and its reply; an error of the server is a failure, see `server_error`. A reply of
  /// another kind (`reply_to`) is `unavailable`: whether the command was carried out is in doubt.
  result<redis_reply> call(std::span<const std::string_view> arguments, clock::time_point deadline);
  result<redis_reply> call(std::initializer_list<std::string_view> arguments,
                           clock::time_point deadline) {
    return call(std::span(arguments.begin(), arguments.size()), deadline);
  }

  /// A text that no earlier reply has.
  std::string new_nonce() { return "sm:" + salt_ + std::to_string(++nonces_); }
  /// Adds a question that only its own answer fits; `answered_echo` then tells whether the replies
  /// before it were those to what was sent.
  void append_echo();
  /// Reads its reply. A server that repeats a reply, or leaves one out, fails here, and the
  /// connection is of no more use.
  result<void> answered_echo(clock::time_point deadline);
  /// From here on the server speaks unasked (SUBSCRIBE).
  void expect_messages() noexcept { awaits_messages_ = true; }

  /// For a reply that is none to what was asked.
  error in_doubt(const std::string& why) const;

  int fd() const noexcept { return socket_.get(); }
  const std::string& name() const noexcept { return name_; }

 private:
  struct reader_deleter {
    void operator()(redisReader* r) const noexcept { ::redisReaderFree(r); }
  };
  struct ssl_deleter {
    void operator()(ssl_st* s) const noexcept;
  };

  redis_connection(unique_fd socket, std::string name, reply_limits limits);
  result<void> start_tls(const redis_address& address, const redis_url& url,
                         clock::time_point deadline);
  result<void> log_in(const redis_url& url, clock::time_point deadline);
  result<void> wait(short events, clock::time_point deadline);
  /// A reply of what was taken already, or nothing.
  result<redis_reply> next_received();
  /// Takes what has come; 0 when nothing has.
  result<std::size_t> receive();
  error broken(const std::string& why) const;

  unique_fd socket_;
  std::string name_;
  std::unique_ptr<ssl_st, ssl_deleter> tls_;
  std::unique_ptr<redisReader, reader_deleter> reader_;
  reply_scanner scanner_;
  std::size_t awaited_ = 0;  // replies
  bool awaits_messages_ = false;
  std::string salt_, echo_;
  std::uint64_t nonces_ = 0;
  std::string output_;
};

/// An error that the server answered. LOADING, READONLY, MASTERDOWN and the like are `unavailable`:
/// they pass. Others, such as a wrong password, are `internal`.
error server_error(std::string_view text, const std::string& where);

/// Whether trying again may help.
inline bool may_pass(const error& e) noexcept { return e.code == errc::unavailable; }

}  // namespace sm
