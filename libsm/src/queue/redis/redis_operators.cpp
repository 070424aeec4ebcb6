#include <algorithm>

#include "queue/payload.hpp"
#include "queue/redis/redis_store.hpp"
#include "queue/redis/scripts.hpp"
#include "queue/unix_time.hpp"
#include "system/random.hpp"
#include "text/ascii.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds cancel_kept = 24h;

/// As Resque reads `pause-all-workers`: whatever the case, and with blanks around it.
bool is_true(std::string_view text) {
  std::string word;
  for (char c : text)
    if (c > ' ') word += lower_case(c);
  return word == "true";
}

}  // namespace

result<job_page> redis_job_store::jobs(job_state state, const std::string& queue,
                                       std::size_t offset, std::size_t count) {
  return lists_.jobs(state, queue, offset, count);
}

result<dead_page> redis_job_store::dead(const dead_filter& filter, const dead_cursor& from,
                                        std::size_t look_at) {
  return lists_.dead(filter, from, look_at);
}

result<queue_totals> redis_job_store::totals() {
  auto processed = key("stat:processed"), failed = key("stat:failed"), dead = key("failed"),
       paused = key("pause-all-workers");
  std::vector<std::vector<std::string_view>> commands{
      {"GET", processed}, {"GET", failed}, {"LLEN", dead}, {"GET", paused}};
  auto replies = client_.pipeline(commands);
  if (!replies) return tl::unexpected<error>(replies.error());
  auto number = [&](std::size_t i) {
    return static_cast<std::uint64_t>(number_of(*(*replies)[i]));
  };
  return queue_totals{number(0), number(1), number(2), is_true(text_of(*(*replies)[3]))};
}

result<std::string> redis_job_store::status(const job_id& id) {
  auto reply = client_.call({"GET", status_key(id)});
  if (!reply) return tl::unexpected<error>(reply.error());
  return std::string(text_of(**reply));
}

result<std::size_t> redis_job_store::remove(std::span<const job_view> jobs) {
  std::size_t count = 0;
  std::vector<job_view> dead;
  for (auto& job : jobs) {
    if (job.state == job_state::dead) {
      dead.push_back(job);
      continue;
    }
    auto removed = remove_one(job);
    if (!removed) return tl::unexpected<error>(removed.error());
    count += *removed ? 1 : 0;
  }
  auto removed = dead_.remove(dead);
  if (!removed) return removed;
  return count + *removed;
}

result<void> redis_job_store::request_cancel(const job_id& id) {
  return nothing(client_.call(
      {"HSET", key("sm:cancel"), id, std::to_string(unix_ms() + cancel_kept.count())}));
}

result<std::size_t> redis_job_store::requeue(std::span<const job_view> dead) {
  return dead_.requeue(dead);
}

result<void> redis_job_store::pause(const std::string& queue, bool paused) {
  if (queue.empty())
    return nothing(paused ? client_.call({"SET", key("pause-all-workers"), "true"})
                          : client_.call({"DEL", key("pause-all-workers")}));
  if (auto ok = client_.call({"SADD", key("queues"), queue}); !ok)
    return tl::unexpected<error>(ok.error());
  auto settings = key("sm:queue:" + queue), channel = key("sm:queues");
  std::vector<std::vector<std::string_view>> commands{
      {"HSET", settings, "paused", paused ? "1" : "0"}, {"PUBLISH", channel, queue}};
  return nothing(client_.pipeline(commands));
}

result<void> redis_job_store::put_limits(const std::string& queue, const queue_limits& l) {
  auto settings = key("sm:queue:" + queue), queues = key("queues"), channel = key("sm:queues");
  auto concurrency = std::to_string(l.concurrency), rate = std::to_string(l.rate),
       period = std::to_string(l.period.count());
  std::vector<std::vector<std::string_view>> commands{
      {"SADD", queues, queue},
      {"HSET", settings, "concurrency", concurrency, "rate", rate, "period", period},
      {"HDEL", settings, "tokens", "at"},
      {"PUBLISH", channel, queue}};
  return nothing(client_.pipeline(commands));
}

result<std::size_t> redis_job_store::remove_queue(const std::string& queue) {
  auto aside = "sm:removed:" + random_hex(8);
  auto reply = client_.eval(redis_scripts::remove_queue, arguments(prefix_) << queue << aside);
  if (!reply) return tl::unexpected<error>(reply.error());
  lists_.forget_known_queues();
  auto count = static_cast<std::size_t>(number_of(**reply));
  // What the jobs held is freed: their keys, and the counts of their attempts.
  for (std::size_t from = 0;;) {
    auto some = lists_.range(aside, from, redis_job_lists::page);
    if (!some) return tl::unexpected<error>(some.error());
    if (auto ok = forget(some->elements); !ok) return tl::unexpected<error>(ok.error());
    from += some->elements.size();
    if (some->ended) break;
  }
  if (count > 0)
    if (auto ok = client_.call({"UNLINK", key(aside)}); !ok)
      return tl::unexpected<error>(ok.error());
  std::vector<job_view> delayed;
  if (auto ok = lists_.for_each_delayed([&](const job_view& v) {
        if (v.queue == queue) delayed.push_back(v);
        return true;
      });
      !ok)
    return tl::unexpected<error>(ok.error());
  auto removed = remove(delayed);
  if (!removed) return removed;
  return count + *removed;
}

result<void> redis_job_store::import(std::span<const job_view> jobs) {
  std::vector<new_job> waiting;
  std::vector<std::string> records;
  for (auto& j : jobs) {
    if (j.state == job_state::dead)
      records.push_back(encode_failure({.failed_at = resque_time(j.failed_at_ms),
                                        .payload = j.payload,
                                        .exception = j.exception,
                                        .error = j.error,
                                        .worker = j.worker,
                                        .queue = j.queue}));
    else {
      // One that is unique is not stored beside another that holds its key.
      auto job = decode_payload(j.payload);
      waiting.push_back({.id = j.id,
                         .queue = j.queue,
                         .payload = j.payload,
                         .run_at_ms = j.state == job_state::delayed ? j.run_at_ms : 0,
                         .lock = job ? job->lock : std::string{},
                         .lock_for = lock_for_default});
    }
  }
  // The counts of their attempts go before them.
  for (auto& j : jobs)
    if (j.state != job_state::dead && j.failures + j.crashes > 0)
      if (auto ok = client_.call({"HSET", key("sm:attempts"), sha1_hex(j.payload),
                                  std::to_string(j.failures) + ":" + std::to_string(j.crashes) +
                                      ":" + std::to_string(unix_ms())});
          !ok)
        return tl::unexpected<error>(ok.error());
  if (auto ok = enqueue(waiting, config_.enqueue_timeout); !ok)
    return tl::unexpected<error>(ok.error());
  auto failed = key("failed");
  std::vector<std::vector<std::string_view>> commands;
  commands.reserve(records.size());
  for (auto& record : records) commands.push_back({"RPUSH", failed, record});
  return commands.empty() ? result<void>{} : nothing(client_.pipeline(commands));
}

result<void> redis_job_store::forget(const std::vector<std::string>& jobs) {
  if (jobs.empty()) return {};
  auto attempts = key("sm:attempts"), wishes = key("sm:cancel");
  std::vector<std::string> hashes, ids, keys;
  for (auto& bytes : jobs) {
    hashes.push_back(sha1_hex(bytes));
    ids.push_back(key_of_job(bytes));
    keys.push_back(status_key(ids.back()));
  }
  std::vector<std::vector<std::string_view>> commands{{"HDEL", attempts}, {"HDEL", wishes}};
  commands[0].insert(commands[0].end(), hashes.begin(), hashes.end());
  commands[1].insert(commands[1].end(), ids.begin(), ids.end());
  for (auto& k : keys) commands.push_back({"GET", k});
  // A status of another kind is an error reply, and counts for none.
  auto replies = client_.pipeline(commands, true);
  if (!replies) return tl::unexpected<error>(replies.error());
  std::vector<std::pair<job_id, std::string>> statuses;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    auto& reply = *(*replies)[i + 2];
    auto document = reply.type == REDIS_REPLY_STRING ? text_of(reply) : std::string_view{};
    auto held = held_by(jobs[i], document, "its queue was removed");
    if (!held.lock.empty())
      if (auto ok = release_lock(held.lock, held.id); !ok) return ok;
    if (!held.status.empty()) statuses.emplace_back(held.id, std::move(held.status));
  }
  return put_status(statuses);
}

result<bool> redis_job_store::remove_one(const job_view& job) {
  switch (job.state) {
    case job_state::ready:
      return remove_element("list", "queue:" + job.queue, job.payload, job);
    case job_state::delayed:
      return job.list.empty() ? remove_element("delayed", "sm:delayed", job.record, job)
                              : remove_element("plugin", job.list, job.record, job);
    case job_state::dead:
    case job_state::running:
      break;
  }
  return false;
}

result<bool> redis_job_store::remove_element(const char* kind, const std::string& where,
                                             const std::string& element, const job_view& job) {
  auto held = held_by(job.payload, "cancelled");
  if (!held) return tl::unexpected<error>(held.error());
  return truth(client_.eval(redis_scripts::remove, arguments(prefix_)
                                                       << kind << where << element << job.payload
                                                       << job.queue << held->id << held->lock
                                                       << held->status << status_ttl));
}

}  // namespace sm
