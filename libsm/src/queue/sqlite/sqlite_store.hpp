// The embedded store: one file, opened by every process for itself, in WAL mode. What producers and
// consumers do is in sqlite_store.cpp, which jobs are claimed in sqlite_claim.cpp, the clock in
// sqlite_clock.cpp, operators in sqlite_operators.cpp.
#pragma once

#include <chrono>

#include "queue/queue_limit.hpp"
#include "queue/sqlite/file_waiter.hpp"
#include "queue/sqlite/sqlite_job_lists.hpp"
#include "queue/sqlite/sqlite_job_store.hpp"
#include "queue/sqlite/statements.hpp"
#include "queue/sqlite/wake_up.hpp"
#include "queue/unix_time.hpp"
#include "store/sqlite.hpp"

namespace sm {

class sqlite_job_store : public job_store {
 public:
  sqlite_job_store(std::filesystem::path file, SQLite::Database db, const queue_config& config);
  result<std::vector<duplicate>> enqueue(std::span<const new_job> jobs,
                                         std::chrono::milliseconds patience) override;
  result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                   const claim_request& rq) override;
  result<std::vector<delivery_tag>> renew(std::span<const delivery> held,
                                          std::chrono::milliseconds lease) override;
  result<std::size_t> resync(const std::string& worker,
                             std::span<const delivery_tag> held) override;
  result<std::vector<job_id>> cancel_requests() override;
  result<void> put_status(std::span<const std::pair<job_id, std::string>> documents) override;
  result<void> release_lock(const std::string& lock, const job_id& id) override;
  std::unique_ptr<job_waiter> make_waiter() override { return make_file_waiter(file_); }
  std::unique_ptr<job_waiter> make_clock_waiter() override;
  result<std::size_t> release(const std::string& worker) override;
  result<std::size_t> reap() override;

  // -- the clock

  result<std::int64_t> move_due() override;
  result<std::vector<stored_schedule>> schedules() override;
  result<void> put_schedule(const stored_schedule& s, bool keep_last) override;
  result<bool> remove_schedule(const std::string& name) override;
  result<firing> fire(const std::string& name, std::int64_t last_ms, std::int64_t now,
                      const new_job* job) override;
  result<void> tidy() override;

  // -- operators

  result<std::vector<queue_counts>> counts() override;
  result<queue_totals> totals() override;
  result<job_page> jobs(job_state state, const std::string& queue, std::size_t offset,
                        std::size_t count) override;
  result<std::optional<job_view>> find(const job_id& id) override;
  result<dead_page> dead(const dead_filter& filter, const dead_cursor& from,
                         std::size_t look_at) override;
  result<std::string> status(const job_id& id) override;
  result<std::size_t> remove(std::span<const job_view> jobs) override;
  result<void> request_cancel(const job_id& id) override;
  result<std::size_t> requeue(std::span<const job_view> dead) override;
  result<std::size_t> clear_dead() override;
  result<void> pause(const std::string& queue, bool paused) override;
  result<void> put_limits(const std::string& queue, const queue_limits& l) override;
  result<std::size_t> remove_queue(const std::string& queue) override;
  result<void> import(std::span<const job_view> jobs) override;

 private:
  std::filesystem::path clock_file() const { return file_.string() + "-clock"; }

  /// Within one transaction, which begins with `registered_` empty.
  void register_queue(const std::string& queue);
  void insert(const new_job& job, std::int64_t now);

  /// Takes the job's lock for it; who holds it otherwise. A wish to cancel an earlier job of that
  /// id is not meant for this one.
  std::optional<job_id> lock_for(const new_job& job, std::int64_t now);
  void write_status(const job_id& id, const std::string& document);
  std::string status_of(const job_id& id);
  bool is_paused(const std::string& queue);

  /// The queues to claim from, in order, of those that have jobs.
  std::vector<std::string> to_claim_from(const std::vector<std::string>& wanted);
  bool end_delivery(const job_outcome& o, const std::string& worker, std::int64_t now);
  static std::string crash_columns();
  void claim(const claim_request& rq, std::int64_t now, exchange_result& out);

  /// Claims up to `count`; false when what was claimed must stay alone.
  bool claim_from(const std::string& queue, const claim_request& rq, std::int64_t count,
                  std::int64_t now, exchange_result& out);

  /// How many jobs of `queue` may be claimed now.
  std::int64_t allowance(const std::string& queue, std::int64_t room, std::int64_t now,
                         exchange_result& out);
  void spend(const std::string& queue, std::int64_t count);

  /// Frees what a job held that will not run any more: its key, the wish to cancel it; and says so
  /// in its status.
  void let_go(const job_id& id, const std::string& payload, const char* why);

  /// Makes a delayed or dead job the last one that is ready. Ready jobs stand by their row ids.
  void put_last(std::int64_t id, std::int64_t now);
  std::int64_t add(const char* counter, std::int64_t amount);

  /// Running jobs that match become ready again; those that took too many consumers with them,
  /// dead.
  template <class Bind>
  result<std::size_t> give_back(const std::string& condition, Bind bind);

  std::filesystem::path file_;
  queue_config config_;
  SQLite::Database db_;
  sqlite_job_lists lists_;
  SQLite::Statement insert_, done_, claim_, claim_one_, head_, ready_queues_, count_, renew_,
      lock_holder_, lock_, unlock_, put_status_, get_status_, register_queue_, settings_;
  std::string registered_;           // the queue of the job before
  bool wishes_ = false;              // jobs shall be cancelled, as of the exchange under way
  std::vector<job_id> claimed_ids_;  // beside `claimed` of the exchange under way
};

}  // namespace sm
