#include "queue/redis/redis_dead_jobs.hpp"

#include <algorithm>

#include "queue/failure_record.hpp"
#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/redis/script_arguments.hpp"
#include "queue/redis/scripts.hpp"
#include "queue/unix_time.hpp"
#include "system/random.hpp"

namespace sm {
namespace {

// Of one script, which keeps Redis from everything else for some milliseconds.
constexpr std::size_t jobs_at_once = 250;
constexpr std::size_t bytes_at_once = 1 << 20;

}  // namespace

result<std::size_t> redis_dead_jobs::requeue(std::span<const job_view> dead) {
  std::vector<const job_view*> readable;
  // What cannot be read is left as it is.
  for (auto& job : dead)
    if (!job.queue.empty() && job.has_payload) readable.push_back(&job);
  return act("requeue", std::move(readable));
}

result<std::size_t> redis_dead_jobs::remove(std::span<const job_view> dead) {
  std::vector<const job_view*> all;
  for (auto& job : dead) all.push_back(&job);
  return act("remove", std::move(all));
}

result<std::size_t> redis_dead_jobs::clear() {
  auto reply = client_.eval(redis_scripts::clear_dead, arguments(client_.url().prefix)
                                                           << "sm:removed:" + random_hex(8));
  if (!reply) return tl::unexpected<error>(reply.error());
  return static_cast<std::size_t>(std::max<std::int64_t>(number_of(**reply), 0));
}

result<void> redis_dead_jobs::drop_before(std::int64_t bound_ms) {
  for (std::int64_t passed = 0;;) {
    auto page = lists_.dead({}, {.passed = passed}, redis_job_lists::page);
    if (!page) return tl::unexpected<error>(page.error());
    auto young = std::find_if(page->jobs.begin(), page->jobs.end(),
                              [&](auto& job) { return job.failed_at_ms > bound_ms; });
    bool ends = young != page->jobs.end() || !page->more;
    page->jobs.erase(young, page->jobs.end());
    std::erase_if(page->jobs, [](auto& job) { return job.failed_at_ms == 0; });
    auto removed = remove(page->jobs);
    if (!removed) return tl::unexpected<error>(removed.error());
    if (ends) return {};
    passed = page->next.passed - static_cast<std::int64_t>(*removed);
  }
}

result<std::size_t> redis_dead_jobs::act(const char* mode, std::vector<const job_view*> dead) {
  std::sort(dead.begin(), dead.end(), [](auto* a, auto* b) { return a->position < b->position; });
  bool one = dead.size() == 1;
  std::size_t count = 0;
  for (std::int64_t moved = 0; !dead.empty();) {
    auto done = act_once(mode, dead, moved);
    if (!done) return tl::unexpected<error>(done.error());
    count += done->gone;
    if (one && done->refused > 0)
      return fail(errc::conflict, key("queue:" + dead[0]->queue) + " is no list", "Redis");
    dead = std::move(done->missed);
    // Somebody else changed the list. Where does the first of them stand?
    while (!dead.empty()) {
      auto place = client_.call({"LPOS", key("failed"), dead.front()->record});
      if (!place) return tl::unexpected<error>(place.error());
      if ((*place)->type == REDIS_REPLY_INTEGER) {
        moved = (*place)->integer - dead.front()->position;
        break;
      }
      dead.erase(dead.begin());  // it is gone
    }
  }
  return count;
}

result<redis_dead_jobs::outcome> redis_dead_jobs::act_once(const char* mode,
                                                           std::span<const job_view* const> dead,
                                                           std::int64_t moved) {
  outcome all;
  while (!dead.empty()) {
    arguments a(client_.url().prefix);
    a << mode;
    std::size_t n = 0, bytes = 0;
    for (; n < dead.size() && n < jobs_at_once && (n == 0 || bytes < bytes_at_once); ++n) {
      auto& job = *dead[n];
      auto read = decode_payload(job.payload);
      bytes += job.payload.size();
      a << job.position + moved - static_cast<std::int64_t>(all.gone);
      a.keep(sha1_hex(job.record)) << job.queue << job.payload << job.id;
      a.keep(read && !read->lock_expires ? read->lock : std::string{});
    }
    auto reply = client_.eval(redis_scripts::act_on_dead, a);
    if (!reply) return tl::unexpected<error>(reply.error());
    auto parts = elements_of(**reply);
    if (!are(parts, {reply_kind::number, reply_kind::number, reply_kind::texts, reply_kind::texts}))
      return tl::unexpected<error>(client_.in_doubt("it answered a script with something else"));
    for (auto* index : elements_of(*parts[2]))
      if (auto i = static_cast<std::size_t>(number_of(*index)); i < n)
        all.missed.push_back(dead[i]);
    all.gone += static_cast<std::size_t>(number_of(*parts[0]));
    all.refused += static_cast<std::size_t>(number_of(*parts[1]));
    if (auto ok = end_statuses(elements_of(*parts[3])); !ok)
      return tl::unexpected<error>(ok.error());
    dead = dead.subspan(n);
  }
  return all;
}

/// Jobs that are removed and whose status says that they wait or run.
result<void> redis_dead_jobs::end_statuses(std::span<redisReply* const> ids) {
  for (auto* each : ids) {
    std::string id(text_of(*each));
    auto document = client_.call({"GET", key("job:" + id + ":status")});
    if (!document) return tl::unexpected<error>(document.error());
    auto s = decode_status(std::string(text_of(**document)));
    if (has_ended(s)) continue;
    s.status = job_status::phase::failed;
    s.error = "cancelled";
    s.updated_s = unix_ms() / 1000;
    arguments a(client_.url().prefix);
    a << id;
    a.keep(encode_status(s)) << std::int64_t{std::chrono::seconds(status_kept).count()};
    if (auto ok = nothing(client_.eval(redis_scripts::put_status, a)); !ok) return ok;
  }
  return {};
}

}  // namespace sm
