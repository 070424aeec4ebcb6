#include "queue/redis/redis_client.hpp"

#include <fmt/format.h>

#include "embedded/redis_scripts.hpp"
#include "queue/payload.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds pause_min = 10ms;
constexpr std::chrono::milliseconds pause_max = 1s;

}  // namespace

void redis_script::complete() const {
  std::call_once(once_, [this] {
    text_ = "local nonce = table.remove(ARGV)\nlocal function main()\n";
    text_ += embedded::redis_scripts::prelude_lua;
    if (!constant_.name.empty())
      text_ += fmt::format("local {} = {}\n", constant_.name, constant_.value);
    for (auto part : parts_) text_ += part;
    text_ +=
        "\nend\nlocal answer = main()\n"
        "if type(answer) == 'table' and answer.err then return answer end\n"
        "return {nonce, answer}\n";
    sha1_ = sha1_hex(text_);
  });
}

const std::string& redis_script::text() const {
  complete();
  return text_;
}

const std::string& redis_script::sha1() const {
  complete();
  return sha1_;
}

redis_client::redis_client(redis_url url, std::chrono::milliseconds timeout, reply_limits limits)
    : url_(std::move(url)), timeout_(timeout), limits_(limits) {}

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
  if (url_.master.empty())
    return redis_connection::open(url_.addresses.front(), url_, deadline, limits_);
  auto address = master(deadline);
  if (!address) return tl::unexpected<error>(address.error());
  auto c = redis_connection::open(*address, url_, deadline, limits_);
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
  std::vector<std::vector<std::string_view>> one{arguments};
  auto replies = pipeline(one);
  if (!replies) return tl::unexpected<error>(replies.error());
  return std::move(replies->front());
}

result<std::vector<redis_reply>> redis_client::pipeline(
    std::span<const std::vector<std::string_view>> commands, bool errors_too) {
  auto until = deadline();
  auto c = connection(until);
  if (!c) return tl::unexpected<error>(c.error());
  return checked(send(**c, commands, errors_too, until));
}

result<std::vector<redis_reply>> redis_client::send(
    redis_connection& c, std::span<const std::vector<std::string_view>> commands, bool errors_too,
    clock::time_point until) {
  for (auto& command : commands) c.append(command);
  c.append_echo();
  if (auto ok = c.flush(until); !ok) return tl::unexpected<error>(ok.error());
  std::vector<redis_reply> replies;
  std::optional<error> refused;
  for (auto& command : commands) {
    auto reply = c.read(until);
    if (!reply) return tl::unexpected<error>(reply.error());
    if ((*reply)->type == REDIS_REPLY_ERROR) {
      if (!refused && !errors_too) refused = server_error(text_of(**reply), c.name());
    } else if (!is_one_of(**reply, reply_to(command.front()))) {
      return tl::unexpected<error>(c.in_doubt("it answered " + std::string(command.front()) +
                                              " with " + name_of_kind(**reply)));
    }
    replies.push_back(std::move(*reply));
  }
  if (auto ok = c.answered_echo(until); !ok) return tl::unexpected<error>(ok.error());
  if (refused) return tl::unexpected<error>(*refused);
  return replies;
}

result<redis_reply> redis_client::eval(const redis_script& script,
                                       std::span<const std::string_view> arguments,
                                       clock::time_point until) {
  auto c = connection(until);
  if (!c) return tl::unexpected<error>(c.error());
  return checked(run(**c, script, arguments, until));
}

result<redis_reply> redis_client::run(redis_connection& c, const redis_script& script,
                                      std::span<const std::string_view> arguments,
                                      clock::time_point until) {
  auto nonce = c.new_nonce();
  std::vector<std::string_view> command{"EVALSHA", script.sha1(), "0"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back(nonce);
  auto reply = c.call(command, until);
  if (!reply && reply.error().detail.starts_with("NOSCRIPT")) {
    command[0] = "EVAL";
    command[1] = script.text();
    reply = c.call(command, until);
  }
  if (!reply) {
    if (may_pass(reply.error())) return reply;
    // An error has no nonce: is it the one to this call?
    c.append_echo();
    if (auto ok = c.flush(until); !ok) return tl::unexpected<error>(ok.error());
    if (auto ok = c.answered_echo(until); !ok) return tl::unexpected<error>(ok.error());
    return reply;
  }
  auto& whole = **reply;
  if (whole.elements != 2 || text_of(*whole.element[0]) != nonce)
    return tl::unexpected<error>(c.in_doubt("its reply is not the one to what it was asked"));
  redis_reply answer(std::exchange(whole.element[1], nullptr));
  if (!is_one_of(*answer, script.answer()))
    return tl::unexpected<error>(c.in_doubt("it answered a script with " + name_of_kind(*answer)));
  return answer;
}

result<std::int64_t> redis_client::wait_for_replicas(unsigned count,
                                                     std::chrono::milliseconds patience) {
  using namespace std::chrono_literals;
  auto c = connection(clock::now() + patience);
  if (!c) return tl::unexpected<error>(c.error());
  // It answers in time by itself; who does not is silent.
  std::vector<std::string> words{"WAIT", std::to_string(count),
                                 std::to_string(std::max<std::int64_t>(patience.count() - 50, 1))};
  std::vector<std::vector<std::string_view>> one{{words[0], words[1], words[2]}};
  auto replies = checked(send(**c, one, false, clock::now() + patience + 500ms));
  if (!replies) return tl::unexpected<error>(replies.error());
  return replies->front()->integer;
}

error redis_client::in_doubt(const std::string& why) {
  error e{errc::unavailable, why, "Redis"};
  if (connection_) e = connection_->in_doubt(why);
  drop();
  return e;
}

}  // namespace sm
