// A Redis server as the queue uses it: connects when it is needed and again when the connection is
// lost, after a pause that grows; asks Sentinel who the master is; runs scripts by their SHA-1.
// Used by one thread.
#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <vector>

#include "queue/redis/redis_connection.hpp"

namespace sm {

/// A Lua script and the name Redis has for it. Both are made when they are needed first: most
/// processes never do.
class redis_script {
 public:
  struct constant {
    std::string_view name;
    unsigned value;
  };

  /// `answer`: what it returns. Its last argument, which it does not see, comes back with that, so
  /// that an answer is known to be the one to this call. `parts` follow upon what all scripts begin
  /// with; they know `c`.
  constexpr redis_script(reply_kind answer, std::array<std::string_view, 2> parts,
                         constant c = {}) noexcept
      : answer_(answer), parts_(parts), constant_(c) {}
  reply_kind answer() const noexcept { return answer_; }
  /// From any thread, as sha1().
  const std::string& text() const;
  const std::string& sha1() const;

 private:
  void complete() const;

  const reply_kind answer_;
  const std::array<std::string_view, 2> parts_;
  const constant constant_;
  mutable std::once_flag once_;
  mutable std::string text_, sha1_;
};

class redis_client {
 public:
  using clock = redis_connection::clock;

  redis_client(redis_url url, std::chrono::milliseconds timeout, reply_limits limits = {});

  /// The connection, made if there is none. Within the pause after a failure it fails at once, with
  /// the reason of that failure.
  result<redis_connection*> connection(clock::time_point deadline);
  /// A connection of its own, for what blocks.
  result<redis_connection> connect(clock::time_point deadline) const;
  /// The present connection is of no more use.
  void drop();

  result<redis_reply> call(std::initializer_list<std::string_view> arguments);
  /// Sends all, then reads all replies: one round trip. An error of the server among them fails,
  /// unless `errors_too`. Replies that are not those to what was asked are `unavailable`, and the
  /// connection is given up.
  result<std::vector<redis_reply>> pipeline(std::span<const std::vector<std::string_view>> commands,
                                            bool errors_too = false);
  /// Runs `script` with ARGV; there are no KEYS.
  result<redis_reply> eval(const redis_script& script,
                           std::span<const std::string_view> arguments) {
    return eval(script, arguments, deadline());
  }
  result<redis_reply> eval(const redis_script& script, std::span<const std::string_view> arguments,
                           clock::time_point until);

  /// How many replicas have what this connection wrote (WAIT).
  result<std::int64_t> wait_for_replicas(unsigned count, std::chrono::milliseconds patience);
  /// The reply to the last call is none to what was asked: the connection is given up.
  error in_doubt(const std::string& why);

  const redis_url& url() const noexcept { return url_; }
  std::chrono::milliseconds timeout() const noexcept { return timeout_; }
  const reply_limits& limits() const noexcept { return limits_; }
  bool connected() const noexcept { return connection_.has_value(); }
  /// How often it connected: a change tells that the server may be another one.
  std::uint64_t generation() const noexcept { return generation_; }

 private:
  static result<std::vector<redis_reply>> send(
      redis_connection& c, std::span<const std::vector<std::string_view>> commands, bool errors_too,
      clock::time_point until);
  static result<redis_reply> run(redis_connection& c, const redis_script& script,
                                 std::span<const std::string_view> arguments,
                                 clock::time_point until);
  result<redis_address> master(clock::time_point deadline) const;
  clock::time_point deadline() const { return clock::now() + timeout_; }
  template <class T>
  result<T> checked(result<T> outcome);

  const redis_url url_;
  const std::chrono::milliseconds timeout_;
  const reply_limits limits_;
  mutable std::size_t sentinel_ = 0;  // that answered last
  std::optional<redis_connection> connection_;
  std::uint64_t generation_ = 0;
  std::chrono::milliseconds pause_{0};
  clock::time_point not_before_{};
  error last_failure_{};
};

}  // namespace sm
