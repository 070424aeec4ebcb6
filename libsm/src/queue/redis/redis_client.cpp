#include "queue/redis/redis_client.hpp"

#include "queue/payload.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds pause_min = 10ms;
constexpr std::chrono::milliseconds pause_max = 1s;

}  // namespace

const std::string& redis_script::sha1() const {
  std::call_once(once_, [this] { sha1_ = sha1_hex(text_); });
  return sha1_;
}

redis_client::redis_client(redis_url url, std::chrono::milliseconds timeout)
    : url_(std::move(url)), timeout_(timeout) {}

result<redis_address> redis_client::master(clock::time_point deadline) const {
  redis_url login{.password = url_.sentinel_password,
                  .prefix = {},
                  .tls = url_.tls,
                  .verify = url_.verify,
                  .ca = url_.ca,
                  .certificate = url_.certificate,
                  .key = url_.key};
  error reason{errc::unavailable, "no Sentinel is known", url_.master};
  auto count = url_.addresses.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto at = (sentinel_ + i) % count;
    // One that does not answer must leave time for the others.
    auto now = clock::now();
    auto patience = now + (deadline - now) / static_cast<int>(count - i + 1);
    auto sentinel = redis_connection::open(url_.addresses[at], login, patience);
    if (!sentinel) {
      reason = sentinel.error();
      continue;
    }
    auto reply = sentinel->call({"SENTINEL", "get-master-addr-by-name", url_.master}, patience);
    if (!reply) {
      reason = reply.error();
      continue;
    }
    sentinel_ = at;
    auto parts = elements_of(**reply);
    if (parts.size() == 2)
      return redis_address{.host = std::string(text_of(*parts[0])),
                           .port = std::string(text_of(*parts[1]))};
    reason = {errc::unavailable, "the Sentinel knows no master of this name", url_.master};
  }
  return tl::unexpected<error>(reason);
}

result<redis_connection> redis_client::connect(clock::time_point deadline) const {
  if (url_.master.empty()) return redis_connection::open(url_.addresses.front(), url_, deadline);
  auto address = master(deadline);
  if (!address) return tl::unexpected<error>(address.error());
  auto c = redis_connection::open(*address, url_, deadline);
  if (!c) return c;
  // Right after a failover a Sentinel may still name the old master, which is a replica by now.
  auto role = c->call({"ROLE"}, deadline);
  if (!role && role.error().detail.starts_with("NOPERM")) return c;  // it may not be asked
  if (!role) return tl::unexpected<error>(role.error());
  auto parts = elements_of(**role);
  if (parts.empty() || text_of(*parts[0]) != "master")
    return fail(errc::unavailable, "is no master at the moment",
                address->host + ":" + address->port);
  return c;
}

result<redis_connection*> redis_client::connection(clock::time_point deadline) {
  if (connection_) return &*connection_;
  if (clock::now() < not_before_) return tl::unexpected<error>(last_failure_);
  auto c = connect(deadline);
  if (!c) {
    last_failure_ = c.error();
    pause_ = std::clamp(pause_ * 2, pause_min, pause_max);
    not_before_ = clock::now() + pause_;
    return tl::unexpected<error>(c.error());
  }
  pause_ = 0ms;
  ++generation_;
  connection_.emplace(std::move(*c));
  return &*connection_;
}

void redis_client::drop() { connection_.reset(); }

/// A connection that failed, or leads to a server that is no master any more, is given up.
template <class T>
result<T> redis_client::checked(result<T> outcome) {
  if (!outcome && may_pass(outcome.error())) drop();
  return outcome;
}

result<redis_reply> redis_client::call(std::initializer_list<std::string_view> arguments) {
  auto until = deadline();
  auto c = connection(until);
  if (!c) return tl::unexpected<error>(c.error());
  return checked((*c)->call(arguments, until));
}

result<std::vector<redis_reply>> redis_client::pipeline(
    std::span<const std::vector<std::string_view>> commands, bool errors_too) {
  auto until = deadline();
  auto c = connection(until);
  if (!c) return tl::unexpected<error>(c.error());
  for (auto& command : commands) (*c)->append(command);
  if (auto ok = (*c)->flush(until); !ok)
    return checked(result<std::vector<redis_reply>>(tl::unexpected<error>(ok.error())));
  std::vector<redis_reply> replies;
  std::optional<error> refused;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    auto reply = (*c)->read(until);
    if (!reply)
      return checked(result<std::vector<redis_reply>>(tl::unexpected<error>(reply.error())));
    if ((*reply)->type == REDIS_REPLY_ERROR && !refused && !errors_too)
      refused = server_error(text_of(**reply), "Redis");
    replies.push_back(std::move(*reply));
  }
  if (refused) return checked(result<std::vector<redis_reply>>(tl::unexpected<error>(*refused)));
  return replies;
}

result<redis_reply> redis_client::eval(const redis_script& script,
                                       std::span<const std::string_view> arguments,
                                       clock::time_point until) {
  auto c = connection(until);
  if (!c) return tl::unexpected<error>(c.error());
  std::vector<std::string_view> command{"EVALSHA", script.sha1(), "0"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto reply = (*c)->call(command, until);
  if (!reply && reply.error().detail.starts_with("NOSCRIPT")) {
    command[0] = "EVAL";
    command[1] = script.text();
    reply = (*c)->call(command, until);
  }
  return checked(std::move(reply));
}

}  // namespace sm
