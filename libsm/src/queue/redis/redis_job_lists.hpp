// The jobs in Redis as people look at them: counts, pages, and the place of one job. Reads only;
// each answer is made of several, between which the queue goes on.
#pragma once

#include <functional>
#include <map>

#include "queue/failure_record.hpp"
#include "queue/job_store.hpp"
#include "queue/redis/redis_client.hpp"

namespace sm {

class redis_job_lists {
 public:
  /// False ends the walk.
  using visitor = std::function<bool(const job_view&)>;

  explicit redis_job_lists(redis_client& client) : client_(client) {}

  result<std::vector<queue_counts>> counts();
  result<job_page> jobs(job_state state, const std::string& queue, std::size_t offset,
                        std::size_t count);
  result<std::optional<job_view>> find(const job_id& id);
  result<dead_page> dead(const dead_filter& filter, const dead_cursor& from, std::size_t look_at);

  /// The queues there are, by name; not older than a second, or `fresh`.
  result<std::vector<std::string>> known_queues(bool fresh);
  void forget_known_queues() { known_until_ = {}; }

  result<void> for_each_delayed(const visitor& f);
  /// Some elements of a list, about a megabyte at most.
  struct part {
    std::vector<std::string> elements{};
    bool ended = false;  ///< none stands behind them
  };
  result<part> range(const std::string& list, std::size_t from, std::size_t count);
  result<void> for_each_element(const std::string& list, std::size_t from,
                                const std::function<bool(const std::string& element)>& f);

  static constexpr std::size_t page = 500;  ///< elements of a list read at once

 private:
  std::string key(std::string_view name) const { return client_.url().prefix + std::string(name); }
  /// How often ready or delayed jobs were tried before.
  result<void> add_attempts(std::vector<job_view>& list);
  result<void> for_each_ready(const std::string& queue, std::size_t offset, std::size_t& at,
                              const visitor& f);
  result<void> for_each_running(const visitor& f);
  result<void> for_each_plugin_job(const visitor& f);
  result<void> for_each_dead(const visitor& f, std::size_t from = 0,
                             const dead_filter& filter = {});
  result<std::map<std::string, std::uint64_t>> delayed_counts();
  std::int64_t age_of(const std::string& queue, const redisReply& head);

  redis_client& client_;
  std::vector<std::string> known_;
  redis_client::clock::time_point known_until_{};
  std::map<std::string, std::pair<std::string, std::int64_t>> heads_;  // first seen when
};

}  // namespace sm
