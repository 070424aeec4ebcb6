#include "queue/redis/redis_producer.hpp"

#include <algorithm>
#include <optional>
#include <thread>

#include "process/deadline.hpp"
#include "queue/payload.hpp"
#include "queue/redis/script_arguments.hpp"
#include "queue/redis/scripts.hpp"
#include "system/random.hpp"

namespace sm {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

/// The same for the same jobs, and for no others.
std::string name_of(std::span<const new_job> jobs) {
  std::string all;
  for (auto& job : jobs) all += job.id + '\n' + job.queue + '\n' + sha1_hex(job.payload) + '\n';
  return sha1_hex(all);
}

/// Which were not stored, in their order; nothing when the reply is none to so many jobs.
std::optional<std::vector<duplicate>> duplicates_in(const redisReply& reply, std::size_t jobs) {
  auto fields = elements_of(reply);
  if (fields.size() % 2 != 0) return {};
  std::vector<duplicate> duplicates;
  for (std::size_t i = 0; i < fields.size(); i += 2) {
    auto index = number_of(*fields[i]);
    auto after = duplicates.empty() ? 0 : duplicates.back().index + 1;
    if (index < 0 || static_cast<std::size_t>(index) < after ||
        static_cast<std::size_t>(index) >= jobs)
      return {};
    duplicates.push_back({static_cast<std::size_t>(index), std::string(text_of(*fields[i + 1]))});
  }
  return duplicates;
}

}  // namespace

redis_producer::redis_producer(redis_client& client, unsigned replicas)
    : client_(client), replicas_(replicas), producer_(random_hex(8)) {}

result<std::vector<duplicate>> redis_producer::enqueue(std::span<const new_job> jobs,
                                                       milliseconds patience) {
  if (jobs.empty()) return std::vector<duplicate>{};
  // The same jobs as last time have the same number, by which the script knows them. They stay in
  // doubt until there is an answer, however many tries that takes.
  if (!in_doubt_ || jobs_in_doubt_ != name_of(jobs)) {
    ++batch_;
    in_doubt_ = false;
  }
  auto outcome = enqueue_batch(jobs, redis_client::clock::now() + patience);
  if (in_doubt_) jobs_in_doubt_ = name_of(jobs);
  return outcome;
}

/// Waits until so many replicas have what was written on this connection.
result<void> redis_producer::replicated(redis_client::clock::time_point deadline) {
  if (replicas_ == 0) return {};
  auto left = std::max<std::int64_t>(left_ms(deadline), 1);
  auto reply = client_.wait_for_replicas(replicas_, milliseconds(left));
  if (!reply) return tl::unexpected<error>(reply.error());
  if (*reply >= replicas_) return {};
  return fail(errc::unavailable,
              "only " + std::to_string(*reply) + " of " + std::to_string(replicas_) +
                  " replicas (queue.replicas) have it",
              "Redis");
}

result<std::vector<duplicate>> redis_producer::enqueue_batch(
    std::span<const new_job> jobs, redis_client::clock::time_point deadline) {
  auto batch = std::to_string(batch_);
  arguments a(client_.url().prefix);
  a << producer_ << batch;
  auto is_plain = [](const new_job& j) {
    return j.run_at_ms == 0 && j.lock.empty() && j.status.empty();
  };
  for (std::size_t i = 0; i < jobs.size();) {
    if (!is_plain(jobs[i])) {
      a << "j";
      add_job(a, jobs[i++]);
      continue;
    }
    auto end = i;
    while (end < jobs.size() && is_plain(jobs[end]) && jobs[end].queue == jobs[i].queue) ++end;
    a << "p" << jobs[i].queue << end - i;
    for (; i < end; ++i) a << jobs[i].payload;
  }
  for (auto pause = 10ms;; pause = std::min(pause * 2, milliseconds{250})) {
    auto generation = client_.generation();
    bool was_connected = client_.connected();
    auto reply = client_.eval(redis_scripts::enqueue, a, deadline);
    if (reply) {
      auto duplicates = duplicates_in(**reply, jobs.size());
      if (!duplicates)
        reply =
            tl::unexpected<error>(client_.in_doubt("it answered an enqueue with something else"));
      else if (auto ok = replicated(deadline); !ok)
        reply = tl::unexpected<error>(ok.error());
      else
        in_doubt_ = false;
      if (reply) return *duplicates;
    }
    // It was connected and got no answer: the jobs may be there.
    if (was_connected || client_.generation() != generation) in_doubt_ = true;
    auto left = deadline - redis_client::clock::now();
    if (!may_pass(reply.error()) || left <= 0ms) {
      auto e = reply.error();
      if (!may_pass(e)) in_doubt_ = false;
      if (in_doubt_)
        e.detail +=
            "; the jobs may have been stored: enqueue again with ids of your own to be sure";
      return tl::unexpected<error>(e);
    }
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(pause, left));
  }
}

}  // namespace sm
