// The store in a Redis of Resque's format. What producers and consumers do is in redis_store.cpp,
// operators in redis_operators.cpp.
#pragma once

#include <chrono>

#include "queue/job_status.hpp"
#include "queue/queue_order.hpp"
#include "queue/redis/redis_clock.hpp"
#include "queue/redis/redis_dead_jobs.hpp"
#include "queue/redis/redis_job_lists.hpp"
#include "queue/redis/redis_job_store.hpp"
#include "queue/redis/redis_producer.hpp"
#include "queue/redis/redis_waiter.hpp"
#include "queue/redis/redis_workers.hpp"
#include "queue/redis/script_arguments.hpp"

namespace sm {

class redis_job_store : public job_store {
 public:
  redis_job_store(redis_url url, const queue_config& config);

  // -- producers

  result<std::vector<duplicate>> enqueue(std::span<const new_job> jobs,
                                         std::chrono::milliseconds patience) override;
  bool in_doubt() const override { return producer_.in_doubt(); }

  // -- consumers

  result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                   const claim_request& rq) override;
  result<std::vector<delivery_tag>> renew(std::span<const delivery> held,
                                          std::chrono::milliseconds lease) override;
  result<std::size_t> resync(const std::string& worker,
                             std::span<const delivery_tag> held) override;
  result<std::vector<job_id>> cancel_requests() override;
  result<void> put_status(std::span<const std::pair<job_id, std::string>> documents) override;
  result<void> release_lock(const std::string& lock, const job_id& id) override;
  std::unique_ptr<job_waiter> make_waiter() override;
  std::unique_ptr<job_waiter> make_clock_waiter() override;
  result<void> register_worker(const std::string& worker) override;
  result<void> heartbeat(const std::string& worker) override { return workers_.heartbeat(worker); }
  result<void> unregister_worker(const std::string& worker) override;
  result<std::vector<std::string>> warnings() override { return workers_.warnings(); }
  result<std::size_t> release(const std::string& worker) override;
  result<std::size_t> reap() override { return give_back("reap", "", {}); }

  // -- the clock

  result<std::int64_t> move_due() override { return clock_.move_due(); }
  result<std::vector<stored_schedule>> schedules() override { return clock_.schedules(); }
  result<void> put_schedule(const stored_schedule& s, bool keep_last) override;
  result<bool> remove_schedule(const std::string& name) override;
  result<firing> fire(const std::string& name, std::int64_t last_ms, std::int64_t now,
                      const new_job* job) override;
  result<bool> lost_data() override { return clock_.lost_data(); }
  result<void> tidy() override;

  // -- operators

  result<std::vector<queue_counts>> counts() override { return lists_.counts(); }
  result<job_page> jobs(job_state state, const std::string& queue, std::size_t offset,
                        std::size_t count) override;
  result<std::optional<job_view>> find(const job_id& id) override { return lists_.find(id); }
  result<dead_page> dead(const dead_filter& filter, const dead_cursor& from,
                         std::size_t look_at) override;
  result<queue_totals> totals() override;
  result<std::string> status(const job_id& id) override;
  result<std::size_t> remove(std::span<const job_view> jobs) override;
  result<void> request_cancel(const job_id& id) override;
  result<std::size_t> requeue(std::span<const job_view> dead) override;
  result<std::size_t> clear_dead() override { return dead_.clear(); }
  result<void> pause(const std::string& queue, bool paused) override;
  result<void> put_limits(const std::string& queue, const queue_limits& l) override;
  result<std::size_t> remove_queue(const std::string& queue) override;
  result<void> import(std::span<const job_view> jobs) override;

 private:
  static constexpr const char* status_ttl = "86400";
  static_assert(status_kept == std::chrono::seconds{86'400});

  std::string key(std::string_view name) const { return prefix_ + std::string(name); }
  std::string status_key(const job_id& id) const { return prefix_ + "job:" + id + ":status"; }
  static std::string member_of(const delivery_tag& tag, const std::string& queue);
  void add_outcome(arguments& a, const job_outcome& o, const std::string& worker) const;

  /// The queues to claim from.
  result<std::vector<std::string>> order_of(const claim_request& rq);
  result<std::size_t> give_back(const char* mode, const std::string& worker,
                                const std::vector<std::string>& held);
  result<bool> bury(std::string_view number, std::string_view queue, std::string_view worker,
                    const std::string& bytes);

  /// Frees what a job that is no more had: its key, its counts.
  result<void> forget(const std::vector<std::string>& jobs);
  result<bool> remove_one(const job_view& job);

  /// Takes an element out of where it stands, and frees what its job held.
  result<bool> remove_element(const char* kind, const std::string& where,
                              const std::string& element, const job_view& job);

  /// What a job that ends without running leaves: its key, and its status document to be.
  struct held_things {
    job_id id{};
    std::string lock{}, status{};
  };
  result<held_things> held_by(const std::string& bytes, const char* why);
  /// The same, of a job whose status document is known.
  static held_things held_by(const std::string& bytes, std::string_view document, const char* why);

  const queue_config config_;
  redis_client client_;
  redis_job_lists lists_;
  redis_producer producer_;
  redis_workers workers_;
  redis_dead_jobs dead_;
  redis_clock clock_;
  const std::string prefix_;
};

}  // namespace sm
