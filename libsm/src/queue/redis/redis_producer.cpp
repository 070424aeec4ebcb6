#include "queue/redis/redis_producer.hpp"

#include <algorithm>
#include <thread>

#include "queue/payload.hpp"
#include "queue/redis/script_arguments.hpp"
#include "queue/redis/scripts.hpp"
#include "store/state_folder.hpp"

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

}  // namespace

redis_producer::redis_producer(redis_client& client) : client_(client), producer_(random_hex(8)) {}

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
      in_doubt_ = false;
      std::vector<duplicate> duplicates;
      auto fields = elements_of(**reply);
      for (std::size_t i = 0; i + 1 < fields.size(); i += 2)
        duplicates.push_back({static_cast<std::size_t>(number_of(*fields[i])),
                              std::string(text_of(*fields[i + 1]))});
      return duplicates;
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
