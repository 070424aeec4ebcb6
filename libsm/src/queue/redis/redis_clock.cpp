#include "queue/redis/redis_clock.hpp"

#include <algorithm>
#include <map>

#include "queue/failure_record.hpp"
#include "queue/redis/plugin_form.hpp"
#include "queue/redis/script_arguments.hpp"
#include "queue/redis/scripts.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto attempts_kept = 24h * 30;

}  // namespace

std::vector<std::string> scheduler_locks(const std::string& prefix,
                                         const std::string& lock_prefix) {
  // Ruby's names the namespace, which redis-namespace puts before it once more.
  std::vector<std::string> keys{prefix + prefix + "resque_scheduler_master_lock",
                                prefix + "resque_scheduler_leader_lock"};
  if (prefix.empty()) keys.front() = ":resque_scheduler_master_lock";
  if (!lock_prefix.empty())
    keys.push_back(prefix + (prefix.empty() ? ":" : prefix) + lock_prefix +
                   ":resque_scheduler_master_lock");
  return keys;
}

redis_clock::redis_clock(redis_client& client, redis_job_lists& lists, redis_dead_jobs& dead,
                         const queue_config& config)
    : client_(client),
      lists_(lists),
      dead_(dead),
      config_(config),
      scheduler_locks_(scheduler_locks(client.url().prefix, config.scheduler_lock_prefix)) {}

result<bool> redis_clock::lost_data() {
  auto epoch = key("sm:epoch");
  std::vector<std::vector<std::string_view>> commands{{"INCR", epoch}};
  auto replies = client_.pipeline(commands, true);
  if (!replies) return tl::unexpected<error>(replies.error());
  // A full Redis refuses to count, and has lost nothing.
  if (replies->front()->type != REDIS_REPLY_INTEGER) return false;
  return std::exchange(epoch_, replies->front()->integer) >= replies->front()->integer;
}

result<std::int64_t> redis_clock::move_due() {
  auto reply = client_.eval(redis_scripts::move_due, arguments(client_.url().prefix));
  if (!reply) return tl::unexpected<error>(reply.error());
  auto next = number_of(**reply);
  auto plugins = move_plugin_jobs();
  if (!plugins) return plugins;
  if (*plugins > 0) next = next == 0 ? *plugins : std::min(next, *plugins);
  return next;
}

result<std::vector<stored_schedule>> redis_clock::schedules() {
  auto documents = key("sm:schedules"), times = key("sm:fired");
  std::vector<std::vector<std::string_view>> commands{{"HGETALL", documents}, {"HGETALL", times}};
  auto replies = client_.pipeline(commands);
  if (!replies) return tl::unexpected<error>(replies.error());
  std::map<std::string, std::int64_t> last;
  auto fired = elements_of(*(*replies)[1]);
  for (std::size_t i = 0; i + 1 < fired.size(); i += 2)
    last[std::string(text_of(*fired[i]))] = number_of(*fired[i + 1]);
  std::vector<stored_schedule> list;
  auto fields = elements_of(*(*replies)[0]);
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    std::string name(text_of(*fields[i]));
    list.push_back({name, std::string(text_of(*fields[i + 1])), last[name]});
  }
  std::sort(list.begin(), list.end(), [](auto& a, auto& b) { return a.name < b.name; });
  return list;
}

result<void> redis_clock::put_schedule(const stored_schedule& s, bool keep_last) {
  auto documents = key("sm:schedules"), times = key("sm:fired"), channel = key("sm:clock");
  auto last = std::to_string(s.last_ms);
  std::vector<std::vector<std::string_view>> commands{
      {keep_last ? "HSETNX" : "HSET", times, s.name, last},
      {"HSET", documents, s.name, s.document},
      {"PUBLISH", channel, "0"}};
  return nothing(client_.pipeline(commands));
}

result<bool> redis_clock::remove_schedule(const std::string& name) {
  auto documents = key("sm:schedules"), times = key("sm:fired");
  std::vector<std::vector<std::string_view>> commands{{"HDEL", documents, name},
                                                      {"HDEL", times, name}};
  auto replies = client_.pipeline(commands);
  if (!replies) return tl::unexpected<error>(replies.error());
  return number_of(*replies->front()) > 0;
}

result<firing> redis_clock::fire(const std::string& name, std::int64_t last_ms, std::int64_t now,
                                 const new_job* job) {
  arguments a(client_.url().prefix);
  a << name << last_ms << now;
  if (job) add_job(a, *job);
  auto reply = client_.eval(redis_scripts::fire, a);
  if (!reply) return tl::unexpected<error>(reply.error());
  auto what = number_of(**reply);
  if (what < 0 || what > static_cast<std::int64_t>(firing::stored))
    return tl::unexpected<error>(client_.in_doubt("it answered a schedule with something else"));
  return static_cast<firing>(what);
}

result<void> redis_clock::tidy() {
  // Ours are trimmed from the oldest end: new failures are appended.
  auto failed = key("failed");
  auto keep = std::to_string(-static_cast<std::int64_t>(config_.dead_max));
  if (auto ok = config_.dead_max == 0 ? client_.call({"DEL", failed})
                                      : client_.call({"LTRIM", failed, keep, "-1"});
      !ok)
    return tl::unexpected<error>(ok.error());
  auto wishes = client_.call({"HGETALL", key("sm:cancel")});
  if (!wishes) return tl::unexpected<error>(wishes.error());
  auto fields = elements_of(**wishes);
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
    if (number_of(*fields[i + 1]) < unix_ms())
      if (auto ok = client_.call({"HDEL", key("sm:cancel"), text_of(*fields[i])}); !ok)
        return tl::unexpected<error>(ok.error());
  if (auto ok = forget_old_attempts(); !ok) return ok;
  return dead_.drop_before(unix_ms() - config_.dead_age.count());
}

result<std::int64_t> redis_clock::move_plugin_jobs() {
  auto times = key("delayed_queue_schedule");
  std::vector<std::vector<std::string_view>> commands{{"EXISTS"}, {"ZRANGE", times, "0", "0"}};
  for (auto& lock : scheduler_locks_) commands[0].push_back(lock);
  for (int moved = 0; moved < 100;) {
    auto replies = client_.pipeline(commands);
    if (!replies) return tl::unexpected<error>(replies.error());
    auto first = elements_of(*(*replies)[1]);
    if (number_of(*(*replies)[0]) != 0 || first.empty()) return 0;
    std::string time(text_of(*first[0]));
    auto seconds = std::clamp<std::int64_t>(number_of(time), 0, 1'000'000'000'000);
    if (seconds > unix_ms() / 1000) return seconds * 1000;
    auto part = lists_.range("delayed:" + time, 0, redis_job_lists::page);
    if (!part) return tl::unexpected<error>(part.error());
    auto& elements = part->elements;
    if (elements.empty())  // the script looks again before it forgets the time
      elements.push_back({});
    for (auto& element : elements) {
      auto job = element.empty() ? plugin_job{} : from_plugin_form(element);
      // What is no job must not stop the others, nor be lost.
      if (!job) job = plugin_job{"default", element};
      arguments a(client_.url().prefix);
      a << element << time << job->queue << job->bytes;
      for (auto& lock : scheduler_locks_) a << lock;
      if (auto ok = client_.eval(redis_scripts::move_plugin, a); !ok)
        return tl::unexpected<error>(ok.error());
      ++moved;
    }
  }
  return unix_ms();
}

result<void> redis_clock::forget_old_attempts() {
  std::string cursor = "0";
  do {
    auto reply = client_.call({"HSCAN", key("sm:attempts"), cursor, "COUNT", "500"});
    if (!reply) return tl::unexpected<error>(reply.error());
    auto parts = elements_of(**reply);
    if (!are(parts, {reply_kind::text, reply_kind::texts}))
      return tl::unexpected<error>(client_.in_doubt("it answered HSCAN with something else"));
    cursor = text_of(*parts[0]);
    auto fields = elements_of(*parts[1]);
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
      auto value = text_of(*fields[i + 1]);
      auto since = number_of(value.substr(std::min(value.rfind(':') + 1, value.size())));
      if (since < unix_ms() - milliseconds(attempts_kept).count())
        if (auto ok = client_.call({"HDEL", key("sm:attempts"), text_of(*fields[i])}); !ok)
          return tl::unexpected<error>(ok.error());
    }
  } while (cursor != "0");
  return {};
}

}  // namespace sm
