// Acts on the elements of Resque's list `failed` by the place where they stand, many in one script.
// Others change the list meanwhile: a place counts only while the record that was seen stands
// there, else it is looked for.
#pragma once

#include <span>
#include <vector>

#include "queue/job_store.hpp"
#include "queue/redis/redis_client.hpp"
#include "queue/redis/redis_job_lists.hpp"

namespace sm {

class redis_dead_jobs {
 public:
  redis_dead_jobs(redis_client& client, redis_job_lists& lists) : client_(client), lists_(lists) {}

  /// See the functions of the same names in job_store.hpp; `dead` have `record` and `position`.
  result<std::size_t> requeue(std::span<const job_view> dead);
  result<std::size_t> remove(std::span<const job_view> dead);
  result<std::size_t> clear();
  /// Those that died before, from the oldest end on to the first that did not. A date that cannot
  /// be read is passed by.
  result<void> drop_before(std::int64_t bound_ms);

 private:
  struct outcome {
    std::size_t gone = 0, refused = 0;
    std::vector<const job_view*> missed{};
  };
  result<std::size_t> act(const char* mode, std::vector<const job_view*> dead);
  /// One script for each some hundreds. `moved`: how far they stand from where they were seen.
  result<outcome> act_once(const char* mode, std::span<const job_view* const> dead,
                           std::int64_t moved);
  result<void> end_statuses(std::span<redisReply* const> ids);
  std::string key(std::string_view name) const { return client_.url().prefix + std::string(name); }

  redis_client& client_;
  redis_job_lists& lists_;
};

}  // namespace sm
