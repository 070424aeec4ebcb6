// What the queue needs of a store, the same for SQLite and Redis: producers, the clock, operators,
// and the consumers of consumer_store.hpp. A job is in exactly one place: ready, running (leased),
// delayed, or dead; every change from one to another is atomic. Calls may wait for the store, up to
// a deadline; an object is used by one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <sm/config.hpp>
#include <sm/job.hpp>
#include <span>
#include <string>
#include <vector>

#include "queue/consumer_store.hpp"

namespace sm {

enum class job_state { ready, running, delayed, dead };
std::string_view to_string(job_state state) noexcept;

struct new_job {
  job_id id{};  ///< what `key_of_job` says of the payload
  std::string queue{};
  std::string payload{};       ///< Resque's JSON, stored and handed out byte for byte
  std::int64_t run_at_ms = 0;  ///< 0, or in the past: now
  /// While another job holds `lock`, this one is not stored. 0 ms: nothing is locked.
  std::string lock{};
  std::chrono::milliseconds lock_for{0};
  std::string status{};  ///< of a tracked job: its first status document
};

/// A job that was not stored, because `id` holds its lock.
struct duplicate {
  std::size_t index = 0;
  job_id id;
};

/// A job as people look at it.
struct job_view {
  job_id id{};
  std::string queue{}, payload{};
  job_state state = job_state::ready;
  std::int64_t run_at_ms = 0;  ///< delayed
  std::string worker{};        ///< running, or dead
  unsigned failures = 0, crashes = 0;
  std::string exception{}, error{};  ///< dead
  std::int64_t failed_at_ms = 0;     ///< dead
  std::string retried_at{};          ///< dead, and requeued by Ruby's Resque: when, as it wrote it
  bool has_payload = true;           ///< dead: false when its record does not tell it
  std::string record{};              ///< dead or delayed in Redis: the element as it stands there
  std::string list{};                ///< delayed by a scheduler plugin of Resque: the key it is in
  std::int64_t position = 0;         ///< dead in Redis: where the record stood when it was seen
};

/// Which dead jobs are meant: those that fit everything that is not empty.
struct dead_filter {
  std::string queue{}, type{};
  std::string text{};  ///< within the exception's class or its text
  std::set<job_id> ids{};

  bool empty() const { return queue.empty() && type.empty() && text.empty() && ids.empty(); }
  bool fits(const job_view& dead) const;
};

/// Where a walk over the dead goes on. Who takes `n` away of those that it passed subtracts them
/// from `passed`.
struct dead_cursor {
  std::int64_t passed = 0;  ///< Redis: how many stand before it
  std::int64_t since = std::numeric_limits<std::int64_t>::min(), row = 0;  ///< SQLite: behind this
};

/// A part of the dead.
struct dead_page {
  std::vector<job_view> jobs{};  ///< those that fit, in the order they are kept
  std::size_t looked_at = 0;
  dead_cursor next{};
  bool more = false;  ///< there are others behind `next`
};

/// Some of the jobs in a state, in the order they are kept.
struct job_page {
  std::vector<job_view> jobs{};
  bool more = false;  ///< there were others behind them
};
/// A page ends when its payloads have more bytes than this.
inline constexpr std::size_t job_page_bytes = 8 << 20;

struct queue_counts {
  std::string queue{};
  std::uint64_t ready = 0, running = 0, delayed = 0;
  std::int64_t oldest_ms = 0;  ///< age of the oldest ready job
  bool paused = false;
  bool at_limit = false;  ///< its limits are what its jobs wait for
  queue_limits limits{};
};

struct queue_totals {
  std::uint64_t processed = 0, failed = 0, dead = 0;
  bool paused = false;  ///< all queues
};

/// What became of a schedule's time.
enum class firing {
  others,  ///< somebody else's clock was first
  noted,   ///< no job, or an earlier one still holds its key
  stored,
};

/// A recurring job, as the store keeps it.
struct stored_schedule {
  std::string name{};
  std::string document{};    ///< JSON of `schedule`
  std::int64_t last_ms = 0;  ///< the time for which it fired last; 0: never
};

class job_store : public consumer_store {
 public:
  // -- producers

  /// Stores all, or none, or all but the duplicates. Waits for a store that is away until
  /// `patience` is over, then fails with `unavailable`.
  virtual result<std::vector<duplicate>> enqueue(std::span<const new_job> jobs,
                                                 std::chrono::milliseconds patience) = 0;
  /// The last `enqueue` failed, and may have stored its jobs nevertheless. `enqueue` with the same
  /// jobs then stores them once; with others it gives them up.
  virtual bool in_doubt() const { return false; }

  // -- the clock

  /// Makes delayed jobs ready that are due; the time of the next one, or 0.
  virtual result<std::int64_t> move_due() = 0;
  virtual result<std::vector<stored_schedule>> schedules() = 0;
  /// `keep_last`: when there is one of that name, it stays at the time it fired for last.
  virtual result<void> put_schedule(const stored_schedule& s, bool keep_last = false) = 0;
  /// False when there was none.
  virtual result<bool> remove_schedule(const std::string& name) = 0;
  /// Stores the job of a schedule and that it fired for `now_ms`, unless somebody else already did
  /// so since `last_ms`. `job` may be null: then only the time is noted.
  virtual result<firing> fire(const std::string& name, std::int64_t last_ms, std::int64_t now_ms,
                              const new_job* job) = 0;
  /// Waits for `watch`ed due times to change: what `make_waiter` is for consumers.
  virtual std::unique_ptr<job_waiter> make_clock_waiter() = 0;
  /// Whether what was written since the last call is lost: the store was emptied, started without
  /// its log, or a copy with older data took its place. Of the first call that cannot be told.
  virtual result<bool> lost_data() { return false; }
  /// Drops what has outlived its time: dead jobs over `dead_max`, old statuses and locks.
  virtual result<void> tidy() = 0;

  // -- operators

  virtual result<std::vector<queue_counts>> counts() = 0;
  virtual result<queue_totals> totals() = 0;
  /// The jobs in one state, of one queue or of all (""): up to `count`, within `job_page_bytes`.
  virtual result<job_page> jobs(job_state state, const std::string& queue, std::size_t offset,
                                std::size_t count) = 0;
  /// The job called `id` wherever it is; nothing when it is nowhere, or done. One that waits or
  /// runs comes before a dead one.
  virtual result<std::optional<job_view>> find(const job_id& id) = 0;
  /// Looks at up to `look_at` dead jobs from a place on, for those that fit; and at no more once it
  /// has `job_page_bytes` of them.
  virtual result<dead_page> dead(const dead_filter& filter, const dead_cursor& from,
                                 std::size_t look_at) = 0;
  /// The status document of a tracked job, or "".
  virtual result<std::string> status(const job_id& id) = 0;
  /// Takes jobs away that do not run, with the keys they hold; their status says "cancelled".
  /// Returns how many: not those that are gone, or began meanwhile.
  virtual result<std::size_t> remove(std::span<const job_view> jobs) = 0;
  /// Asks a running job to end.
  virtual result<void> request_cancel(const job_id& id) = 0;
  /// Makes dead jobs ready again, behind all others, with their bytes and a fresh count. Returns
  /// how many: not those that are gone, or whose record cannot be read.
  virtual result<std::size_t> requeue(std::span<const job_view> dead) = 0;
  /// Takes all dead jobs away, or a portion of them; returns how many, 0 when there are none.
  virtual result<std::size_t> clear_dead() = 0;
  /// Stops claims from `queue`, or from all (""), until it is resumed.
  virtual result<void> pause(const std::string& queue, bool paused) = 0;
  virtual result<void> put_limits(const std::string& queue, const queue_limits& limits) = 0;
  /// Removes the queue with the jobs that wait in it, or are delayed. Returns how many.
  virtual result<std::size_t> remove_queue(const std::string& queue) = 0;
  /// Stores jobs as they were elsewhere: ready, delayed or dead.
  virtual result<void> import(std::span<const job_view> jobs) = 0;
};

/// Whether `url` can be one of a queue: `invalid_spec` with what is wrong.
result<void> check_queue_url(const std::string& url);

/// Opens the store that `url` names: "sqlite:PATH", or a Redis one (see redis_url.hpp). Fails with
/// `invalid_spec` for another scheme.
result<std::unique_ptr<job_store>> open_job_store(const std::string& url,
                                                  const queue_config& config);

/// How long an imported job holds its unique key at most.
inline constexpr std::chrono::hours lock_for_default{24};

inline constexpr const char* crash_exception = "sm::LeaseExpired";
inline constexpr const char* crash_text =
    "the consumer ended or fell silent while it performed this job";

}  // namespace sm
