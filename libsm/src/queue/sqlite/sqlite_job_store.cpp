// The embedded store: one file, opened by every process for itself, in WAL mode.
#include "queue/sqlite/sqlite_job_store.hpp"

#include <algorithm>
#include <limits>

#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/queue_limit.hpp"
#include "queue/queue_order.hpp"
#include "queue/sqlite/file_waiter.hpp"
#include "queue/sqlite/queue_file.hpp"
#include "queue/sqlite/sqlite_job_lists.hpp"
#include "queue/sqlite/statements.hpp"
#include "queue/sqlite/wake_up.hpp"
#include "queue/unix_time.hpp"
#include "store/sqlite.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

constexpr auto cancel_kept = std::chrono::hours(24);
constexpr std::int64_t move_max = 1000;                     // delayed jobs of one transaction
constexpr std::int64_t clear_max = 2000;                    // dead jobs taken away in one
constexpr std::int64_t tidy_max = 1000;                     // rows dropped in one
constexpr auto status_lives = std::chrono::hours(24 * 30);  // of a job that never ends

class sqlite_job_store : public job_store {
 public:
  sqlite_job_store(std::filesystem::path file, SQLite::Database db, const queue_config& config)
      : file_(std::move(file)),
        config_(config),
        db_(prepare_queue_file(std::move(db))),
        lists_(db_),
        insert_(db_,
                "INSERT INTO job(jid, queue, payload, state, since, run_at) "
                "VALUES(?1, ?2, ?3, ?4, ?5, ?6)"),
        done_(db_, "DELETE FROM job WHERE id = ?1 AND delivery = ?2 AND state = 1"),
        claim_(db_,
               "UPDATE job SET state = 1, delivery = ?1, worker = ?2, lease_until = ?3 WHERE id IN "
               "(SELECT id FROM job WHERE state = 0 AND queue = ?4 AND crashes < ?6 ORDER BY id "
               "LIMIT ?5) RETURNING id, jid, queue, payload, failures, crashes"),
        claim_one_(db_,
                   "UPDATE job SET state = 1, delivery = ?1, worker = ?2, lease_until = ?3 "
                   "WHERE id = ?4 RETURNING id, jid, queue, payload, failures, crashes"),
        head_(db_,
              "SELECT id, crashes FROM job WHERE state = 0 AND queue = ?1 ORDER BY id LIMIT 1"),
        // From one queue's name to the next by the index: DISTINCT would look at every job.
        ready_queues_(
            db_,
            "WITH RECURSIVE q(n) AS (SELECT (SELECT queue FROM job WHERE state = 0 ORDER BY "
            "queue LIMIT 1) UNION ALL SELECT (SELECT queue FROM job WHERE state = 0 AND "
            "queue > q.n ORDER BY queue LIMIT 1) FROM q WHERE q.n IS NOT NULL) SELECT n "
            "FROM q WHERE n IS NOT NULL"),
        count_(db_,
               "INSERT INTO counter(name, value) VALUES(?1, ?2) "
               "ON CONFLICT(name) DO UPDATE SET value = value + ?2 RETURNING value"),
        renew_(db_,
               "UPDATE job SET lease_until = ?3 WHERE id = ?1 AND delivery = ?2 AND state = 1"),
        lock_holder_(db_, "SELECT jid FROM lock WHERE key = ?1 AND until > ?2"),
        lock_(db_, "INSERT OR REPLACE INTO lock(key, jid, until) VALUES(?1, ?2, ?3)"),
        unlock_(db_, "DELETE FROM lock WHERE key = ?1 AND jid = ?2"),
        // What has ended stays so: a progress may come late.
        put_status_(db_,
                    "UPDATE status SET document = ?2, until = ?3 WHERE jid = ?1 AND (document LIKE "
                    "'{\"status\":1%' OR document LIKE '{\"status\":2%')"),
        get_status_(db_, "SELECT document FROM status WHERE jid = ?1"),
        // A queue stays known when it is empty, as in Redis.
        register_queue_(db_, "INSERT OR IGNORE INTO queue(name) VALUES(?1)"),
        settings_(db_,
                  "SELECT paused, concurrency, rate, period, tokens, tokens_at FROM queue WHERE "
                  "name = ?1") {}

  result<std::vector<duplicate>> enqueue(std::span<const new_job> jobs,
                                         milliseconds patience) override {
    std::size_t ready = 0;
    bool delayed = false;
    auto outcome = guard_sqlite(file_, [&] {
      refuse_moved(db_, file_);
      db_.setBusyTimeout(static_cast<int>(std::max(patience, milliseconds{1}).count()));
      std::vector<duplicate> duplicates;
      write_transaction write(db_);
      auto now = unix_ms();
      registered_.clear();
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        auto& job = jobs[i];
        if (auto holder = lock_for(job, now)) {
          duplicates.push_back({i, std::move(*holder)});
          continue;
        }
        insert(job, now);
        if (job.run_at_ms > now)
          delayed = true;
        else
          ++ready;
      }
      write.commit();
      return duplicates;
    });
    db_.setBusyTimeout(static_cast<int>(config_.enqueue_timeout.count()));
    if (outcome) {
      if (ready > 0) wake_up(file_);
      if (delayed) wake_up(clock_file());
    }
    return outcome;
  }

  result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                   const claim_request& rq) override {
    std::size_t given_back = 0;
    bool delayed = false;
    auto done = guard_sqlite(file_, [&] {
      exchange_result out;
      refuse_moved(db_, file_);
      // Reading needs no write lock: an idle consumer that looks must not wait for, or hinder,
      // writers.
      if (outcomes.empty() && (rq.max == 0 || to_claim_from(rq.queues).empty())) return out;
      write_transaction write(db_);
      auto now = unix_ms();
      std::int64_t processed = 0, failed = 0;
      SQLite::Statement wishes(db_, "SELECT 1 FROM cancel LIMIT 1");
      registered_.clear();
      wishes_ = !outcomes.empty() && wishes.executeStep();
      wishes.reset();
      for (auto& o : outcomes) {
        if (!end_delivery(o, rq.worker, now)) continue;
        ++out.accepted;
        if (o.how == job_outcome::kind::returned || o.how == job_outcome::kind::crashed)
          ++given_back;
        else
          ++processed;
        if (o.how == job_outcome::kind::failed_dead) ++failed;
        if (o.how == job_outcome::kind::failed_retry) delayed = true;
      }
      if (processed > 0) add("processed", processed);
      if (failed > 0) add("failed", failed);
      if (rq.max > 0) claim(rq, now, out);
      write.commit();
      return out;
    });
    if (done && given_back > 0) wake_up(file_);
    if (done && delayed) wake_up(clock_file());
    return done;
  }

  result<std::vector<delivery_tag>> renew(std::span<const delivery> held,
                                          milliseconds lease) override {
    return guard_sqlite(file_, [&] {
      std::vector<delivery_tag> lost;
      write_transaction write(db_);
      for (auto& d : held)
        if (bind_all(renew_, d.tag.number, d.tag.epoch, unix_ms() + lease.count()).exec() == 0)
          lost.push_back(d.tag);
      write.commit();
      return lost;
    });
  }

  result<std::size_t> resync(const std::string& worker,
                             std::span<const delivery_tag> held) override {
    std::size_t count = 0;
    auto outcome = guard_sqlite(file_, [&] {
      write_transaction write(db_);
      SQLite::Statement rows(db_, "SELECT id, delivery FROM job WHERE state = 1 AND worker = ?1");
      std::vector<std::int64_t> unknown;
      for (bind_all(rows, worker); rows.executeStep();)
        if (std::find(held.begin(), held.end(),
                      delivery_tag{rows.getColumn(0), rows.getColumn(1)}) == held.end())
          unknown.push_back(rows.getColumn(0));
      SQLite::Statement back(
          db_, "UPDATE job SET state = 0, delivery = 0, lease_until = NULL WHERE id = ?1");
      for (auto id : unknown) bind_all(back, id).exec();
      write.commit();
      count = unknown.size();
      return count;
    });
    if (count > 0) wake_up(file_);
    return outcome;
  }

  result<std::vector<job_id>> cancel_requests() override {
    return guard_sqlite(file_, [&] {
      std::vector<job_id> ids;
      SQLite::Statement rows(db_, "SELECT jid FROM cancel");
      while (rows.executeStep()) ids.push_back(rows.getColumn(0));
      return ids;
    });
  }

  result<void> put_status(std::span<const std::pair<job_id, std::string>> documents) override {
    return guard_sqlite(file_, [&] {
      write_transaction write(db_);
      for (auto& [id, document] : documents) write_status(id, document);
      write.commit();
    });
  }

  result<void> release_lock(const std::string& lock, const job_id& id) override {
    return guard_sqlite(file_, [&] { bind_all(unlock_, lock, id).exec(); });
  }

  std::unique_ptr<job_waiter> make_waiter() override { return make_file_waiter(file_); }
  std::unique_ptr<job_waiter> make_clock_waiter() override {
    return make_file_waiter(clock_file());
  }

  result<std::size_t> release(const std::string& worker) override {
    return give_back("worker = ?2", [&](SQLite::Statement& s) { s.bind(2, worker); });
  }

  result<std::size_t> reap() override {
    return give_back("lease_until <= ?2", [&](SQLite::Statement& s) { s.bind(2, unix_ms()); });
  }

  // -- the clock

  result<std::int64_t> move_due() override {
    std::size_t moved = 0;
    auto next = guard_sqlite(file_, [&]() -> std::int64_t {
      SQLite::Statement first(db_, "SELECT MIN(run_at) FROM job WHERE state = 2");
      if (!first.executeStep() || first.isColumnNull(0)) return 0;
      auto due = first.getColumn(0).getInt64();
      auto now = unix_ms();
      if (due > now) return due;
      first.reset();
      write_transaction write(db_);
      SQLite::Statement rows(
          db_, "SELECT id FROM job WHERE state = 2 AND run_at <= ?1 ORDER BY run_at, id LIMIT ?2");
      std::vector<std::int64_t> ids;
      for (bind_all(rows, now, move_max); rows.executeStep();) ids.push_back(rows.getColumn(0));
      rows.reset();
      for (auto id : ids) put_last(id, now);
      write.commit();
      moved = ids.size();
      return first.executeStep() && !first.isColumnNull(0) ? first.getColumn(0).getInt64() : 0;
    });
    if (moved > 0) wake_up(file_);
    return next;
  }

  result<std::vector<stored_schedule>> schedules() override {
    return guard_sqlite(file_, [&] {
      std::vector<stored_schedule> list;
      SQLite::Statement rows(db_, "SELECT name, document, last FROM schedule ORDER BY name");
      while (rows.executeStep())
        list.push_back({rows.getColumn(0), rows.getColumn(1), rows.getColumn(2).getInt64()});
      return list;
    });
  }

  result<void> put_schedule(const stored_schedule& s, bool keep_last) override {
    auto outcome = guard_sqlite(file_, [&] {
      SQLite::Statement put(db_,
                            std::string("INSERT INTO schedule(name, document, last) VALUES(?1, ?2, "
                                        "?3) ON CONFLICT(name) DO UPDATE SET document = ?2") +
                                (keep_last ? "" : ", last = ?3"));
      bind_all(put, s.name, s.document, s.last_ms).exec();
    });
    if (outcome) wake_up(clock_file());
    return outcome;
  }

  result<bool> remove_schedule(const std::string& name) override {
    return guard_sqlite(file_, [&] {
      SQLite::Statement gone(db_, "DELETE FROM schedule WHERE name = ?1");
      return bind_all(gone, name).exec() > 0;
    });
  }

  result<firing> fire(const std::string& name, std::int64_t last_ms, std::int64_t now,
                      const new_job* job) override {
    auto outcome = guard_sqlite(file_, [&] {
      write_transaction write(db_);
      SQLite::Statement note(db_, "UPDATE schedule SET last = ?3 WHERE name = ?1 AND last = ?2");
      if (bind_all(note, name, last_ms, now).exec() == 0) return firing::others;
      registered_.clear();
      bool stores = job && !lock_for(*job, unix_ms());
      if (stores) insert(*job, unix_ms());
      write.commit();
      return stores ? firing::stored : firing::noted;
    });
    if (outcome && *outcome == firing::stored) wake_up(file_);
    return outcome;
  }

  result<void> tidy() override {
    return guard_sqlite(file_, [&] {
      auto now = unix_ms();
      // In portions, between which others write.
      auto drop = [this](const std::string& table, const std::string& key,
                         const std::string& condition, std::int64_t bound, std::int64_t most) {
        SQLite::Statement some(db_, "DELETE FROM " + table + " WHERE " + key + " IN (SELECT " +
                                        key + " FROM " + table + " WHERE " + condition +
                                        " LIMIT ?2)");
        for (int gone = 1; gone > 0 && most > 0; most -= gone)
          gone = bind_all(some, bound, std::min(most, tidy_max)).exec();
      };
      constexpr auto all = std::numeric_limits<std::int64_t>::max();
      drop("lock", "key", "until <= ?1", now, all);
      drop("status", "jid", "until <= ?1", now, all);
      drop("cancel", "jid", "until <= ?1", now, all);
      drop("job", "id", "state = 3 AND since <= ?1", now - config_.dead_age.count(), all);
      SQLite::Statement count(db_, "SELECT COUNT(*) FROM job WHERE state = 3");
      count.executeStep();
      auto beyond = count.getColumn(0).getInt64() - static_cast<std::int64_t>(config_.dead_max);
      count.reset();
      drop("job", "id", "state = 3 AND since <= ?1 ORDER BY since, id", all, beyond);
    });
  }

  // -- operators

  result<std::vector<queue_counts>> counts() override {
    return guard_sqlite(file_, [&] { return lists_.counts(); });
  }
  result<queue_totals> totals() override {
    return guard_sqlite(file_, [&] { return lists_.totals(); });
  }
  result<job_page> jobs(job_state state, const std::string& queue, std::size_t offset,
                        std::size_t count) override {
    return guard_sqlite(file_, [&] { return lists_.jobs(state, queue, offset, count); });
  }
  result<std::optional<job_view>> find(const job_id& id) override {
    return guard_sqlite(file_, [&] { return lists_.find(id); });
  }
  result<dead_page> dead(const dead_filter& filter, const dead_cursor& from,
                         std::size_t look_at) override {
    return guard_sqlite(file_, [&] { return lists_.dead(filter, from, look_at); });
  }

  result<std::string> status(const job_id& id) override {
    return guard_sqlite(file_, [&] { return status_of(id); });
  }

  result<std::size_t> remove(std::span<const job_view> jobs) override {
    return guard_sqlite(file_, [&] {
      std::size_t count = 0;
      write_transaction write(db_);
      SQLite::Statement gone(db_,
                             "DELETE FROM job WHERE id = (SELECT id FROM job WHERE jid = ?1 AND "
                             "state = ?2 AND queue = ?3 AND state <> 1 LIMIT 1)");
      for (auto& job : jobs) {
        if (bind_all(gone, job.id, static_cast<std::int64_t>(job.state), job.queue).exec() == 0)
          continue;
        ++count;
        let_go(job.id, job.payload, "cancelled");
      }
      write.commit();
      return count;
    });
  }

  result<void> request_cancel(const job_id& id) override {
    return guard_sqlite(file_, [&] {
      SQLite::Statement ask(db_, "INSERT OR REPLACE INTO cancel(jid, until) VALUES(?1, ?2)");
      bind_all(ask, id, unix_ms() + milliseconds(cancel_kept).count()).exec();
    });
  }

  result<std::size_t> requeue(std::span<const job_view> dead) override {
    auto outcome = guard_sqlite(file_, [&] {
      std::size_t count = 0;
      write_transaction write(db_);
      auto now = unix_ms();
      registered_.clear();
      SQLite::Statement wish(db_, "DELETE FROM cancel WHERE jid = ?1");
      SQLite::Statement row(db_,
                            "SELECT id FROM job WHERE jid = ?1 AND state = 3 AND queue = ?2 "
                            "ORDER BY since, id LIMIT 1");
      SQLite::Statement fresh(db_,
                              "UPDATE job SET failures = 0, crashes = 0, delivery = 0, exception = "
                              "NULL, error = NULL WHERE id = ?1");
      for (auto& job : dead) {
        bind_all(wish, job.id).exec();
        if (!bind_all(row, job.id, job.queue).executeStep()) continue;
        auto id = row.getColumn(0).getInt64();
        row.reset();
        bind_all(fresh, id).exec();
        register_queue(job.queue);
        put_last(id, now);
        ++count;
      }
      write.commit();
      return count;
    });
    if (outcome && *outcome > 0) wake_up(file_);
    return outcome;
  }

  result<std::size_t> clear_dead() override {
    return guard_sqlite(file_, [&] {
      constexpr const char* portion =
          "(SELECT id FROM job WHERE state = 3 ORDER BY since, id LIMIT ?1)";
      write_transaction write(db_);
      SQLite::Statement holders(
          db_, std::string("SELECT jid, payload FROM job WHERE id IN ") + portion +
                   " AND (instr(payload, '\"lock\"') > 0 OR jid IN (SELECT jid FROM status) OR jid "
                   "IN (SELECT jid FROM cancel))");
      for (bind_all(holders, clear_max); holders.executeStep();)
        let_go(holders.getColumn(0), holders.getColumn(1).getString(), "cancelled");
      holders.reset();
      SQLite::Statement gone(db_, std::string("DELETE FROM job WHERE id IN ") + portion);
      auto count = static_cast<std::size_t>(bind_all(gone, clear_max).exec());
      write.commit();
      return count;
    });
  }

  result<void> pause(const std::string& queue, bool paused) override {
    auto outcome = guard_sqlite(file_, [&] {
      SQLite::Statement put(db_,
                            "INSERT INTO queue(name, paused) VALUES(?1, ?2) ON CONFLICT(name) DO "
                            "UPDATE SET paused = ?2");
      bind_all(put, queue, std::int64_t{paused}).exec();
    });
    if (outcome && !paused) wake_up(file_);
    return outcome;
  }

  result<void> put_limits(const std::string& queue, const queue_limits& l) override {
    return guard_sqlite(file_, [&] {
      SQLite::Statement put(
          db_,
          "INSERT INTO queue(name, concurrency, rate, period) VALUES(?1, ?2, ?3, ?4) "
          "ON CONFLICT(name) DO UPDATE SET concurrency = ?2, rate = ?3, period = ?4, tokens_at = "
          "0");
      bind_all(put, queue, std::int64_t{l.concurrency}, std::int64_t{l.rate},
               std::int64_t{l.period.count()})
          .exec();
    });
  }

  result<std::size_t> remove_queue(const std::string& queue) override {
    return guard_sqlite(file_, [&] {
      write_transaction write(db_);
      SQLite::Statement settings(db_, "DELETE FROM queue WHERE name = ?1");
      bind_all(settings, queue).exec();
      SQLite::Statement holders(
          db_,
          "SELECT jid, payload FROM job WHERE queue = ?1 AND state IN (0, 2) AND "
          "(instr(payload, '\"lock\"') > 0 OR jid IN (SELECT jid FROM status))");
      for (bind_all(holders, queue); holders.executeStep();)
        let_go(holders.getColumn(0), holders.getColumn(1).getString(), "its queue was removed");
      holders.reset();
      SQLite::Statement jobs(db_, "DELETE FROM job WHERE queue = ?1 AND state IN (0, 2)");
      auto count = static_cast<std::size_t>(bind_all(jobs, queue).exec());
      write.commit();
      return count;
    });
  }

  result<void> import(std::span<const job_view> jobs) override {
    auto outcome = guard_sqlite(file_, [&] {
      write_transaction write(db_);
      SQLite::Statement put(db_,
                            "INSERT INTO job(jid, queue, payload, state, since, run_at, failures, "
                            "crashes, worker, exception, error) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, "
                            "?8, ?9, ?10, ?11)");
      registered_.clear();
      for (auto& j : jobs) {
        register_queue(j.queue);
        // One that is unique is not stored beside another that holds its key.
        if (j.state != job_state::dead)
          if (auto job = decode_payload(j.payload); job && !job->lock.empty())
            if (lock_for({.id = j.id, .lock = job->lock, .lock_for = lock_for_default}, unix_ms()))
              continue;
        auto since = j.state == job_state::dead ? j.failed_at_ms : unix_ms();
        auto state = j.state == job_state::running ? job_state::ready : j.state;
        bind_all(put, j.id, j.queue, blob(j.payload), static_cast<std::int64_t>(state), since,
                 j.run_at_ms, std::int64_t{j.failures}, std::int64_t{j.crashes}, j.worker,
                 j.exception, j.error)
            .exec();
      }
      write.commit();
    });
    if (outcome) {
      wake_up(file_);
      wake_up(clock_file());
    }
    return outcome;
  }

 private:
  std::filesystem::path clock_file() const { return file_.string() + "-clock"; }

  /// Within one transaction, which begins with `registered_` empty.
  void register_queue(const std::string& queue) {
    if (registered_ == queue) return;
    bind_all(register_queue_, queue).exec();
    registered_ = queue;
  }

  void insert(const new_job& job, std::int64_t now) {
    register_queue(job.queue);
    bool later = job.run_at_ms > now;
    bind_all(insert_, job.id, job.queue, blob(job.payload),
             static_cast<std::int64_t>(later ? job_state::delayed : job_state::ready), now,
             job.run_at_ms)
        .exec();
    if (job.status.empty()) return;
    SQLite::Statement status(
        db_, "INSERT OR REPLACE INTO status(jid, document, until) VALUES(?1, ?2, ?3)");
    bind_all(status, job.id, job.status, now + milliseconds(status_lives).count()).exec();
  }

  /// Takes the job's lock for it; who holds it otherwise. A wish to cancel an earlier job of that
  /// id is not meant for this one.
  std::optional<job_id> lock_for(const new_job& job, std::int64_t now) {
    if (job.lock.empty() || job.lock_for.count() <= 0) return {};
    if (bind_all(lock_holder_, job.lock, now).executeStep()) {
      job_id holder = lock_holder_.getColumn(0);
      lock_holder_.reset();
      return holder;
    }
    bind_all(lock_, job.lock, job.id, now + job.lock_for.count()).exec();
    SQLite::Statement wish(db_, "DELETE FROM cancel WHERE jid = ?1");
    bind_all(wish, job.id).exec();
    return {};
  }

  void write_status(const job_id& id, const std::string& document) {
    auto kept =
        has_ended(decode_status(document)) ? milliseconds(status_kept) : milliseconds(status_lives);
    bind_all(put_status_, id, document, unix_ms() + kept.count()).exec();
  }

  std::string status_of(const job_id& id) {
    std::string document;
    if (bind_all(get_status_, id).executeStep()) document = get_status_.getColumn(0).getString();
    get_status_.reset();
    return document;
  }

  bool is_paused(const std::string& queue) {
    bool paused = bind_all(settings_, queue).executeStep() && settings_.getColumn(0).getInt() != 0;
    settings_.reset();
    return paused;
  }

  /// The queues to claim from, in order, of those that have jobs.
  std::vector<std::string> to_claim_from(const std::vector<std::string>& wanted) {
    std::vector<std::string> ready;
    ready_queues_.reset();
    while (ready_queues_.executeStep()) ready.push_back(ready_queues_.getColumn(0));
    auto order = queue_order(wanted, ready);
    std::erase_if(order, [&](auto& queue) {
      return std::find(ready.begin(), ready.end(), queue) == ready.end();
    });
    return order;
  }

  bool end_delivery(const job_outcome& o, const std::string& worker, std::int64_t now) {
    using kind = job_outcome::kind;
    auto changed = [&](const std::string& what, const auto&... values) {
      SQLite::Statement change(db_, "UPDATE job SET " + what +
                                        ", delivery = 0, lease_until = NULL WHERE id = ?1 AND "
                                        "delivery = ?2 AND state = 1");
      return bind_all(change, o.tag.number, o.tag.epoch, values...).exec() > 0;
    };
    bool accepted = false;
    switch (o.how) {
      case kind::done:
      case kind::cancelled:
        accepted = bind_all(done_, o.tag.number, o.tag.epoch).exec() > 0;
        break;
      case kind::failed_retry:
        accepted = changed("state = 2, failures = failures + 1, run_at = ?3, since = ?4",
                           o.retry_at_ms, now);
        break;
      case kind::failed_dead:
        accepted = changed(
            "state = 3, failures = failures + 1, exception = ?3, error = ?4, since = ?5, worker = "
            "?6",
            o.exception, o.text, now, worker);
        break;
      case kind::returned:
        accepted = changed("state = 0");
        break;
      case kind::crashed:
        accepted = changed(crash_columns(), o.exception, o.text, now);
        break;
    }
    if (!accepted) return false;
    // Its queue may have been deleted meanwhile.
    if (o.how == kind::failed_retry || o.how == kind::returned || o.how == kind::crashed)
      register_queue(o.queue);
    if (!o.lock.empty()) bind_all(unlock_, o.lock, o.id).exec();
    if (!o.status.empty()) write_status(o.id, o.status);
    bool ended = o.how == kind::done || o.how == kind::cancelled || o.how == kind::failed_dead;
    if (ended && wishes_) {
      SQLite::Statement heard(db_, "DELETE FROM cancel WHERE jid = ?1");
      bind_all(heard, o.id).exec();
    }
    return true;
  }

  static std::string crash_columns() {
    return "crashes = crashes + 1, state = CASE WHEN crashes + 1 >= " +
           std::to_string(crashes_max) +
           " THEN 3 ELSE 0 END, exception = ?3, error = ?4, since = CASE WHEN crashes + 1 >= " +
           std::to_string(crashes_max) + " THEN ?5 ELSE since END";
  }

  void claim(const claim_request& rq, std::int64_t now, exchange_result& out) {
    auto queues = to_claim_from(rq.queues);
    if (!queues.empty() && is_paused("")) {
      out.held_back = queues;
      return;
    }
    for (auto& queue : queues) {
      if (out.claimed.size() >= rq.max) break;
      auto room = static_cast<std::int64_t>(rq.max - out.claimed.size());
      auto allowed = allowance(queue, room, now, out);
      if (allowed == 0) {
        out.held_back.push_back(queue);
        continue;
      }
      auto before = out.claimed.size();
      bool more = claim_from(queue, rq, allowed, now, out);
      spend(queue, static_cast<std::int64_t>(out.claimed.size() - before));
      if (!more) break;  // a suspect, alone
    }
    if (out.claimed.empty()) return;
    SQLite::Statement any(db_, "SELECT 1 FROM status LIMIT 1");
    if (!any.executeStep()) return;
    for (std::size_t i = 0; i < out.claimed.size(); ++i)
      out.claimed[i].status = status_of(claimed_ids_[i]);
  }

  /// Claims up to `count`; false when what was claimed must stay alone.
  bool claim_from(const std::string& queue, const claim_request& rq, std::int64_t count,
                  std::int64_t now, exchange_result& out) {
    if (!bind_all(head_, queue).executeStep()) return true;
    auto head = head_.getColumn(0).getInt64();
    bool suspect = head_.getColumn(1).getUInt() >= suspect_from;
    head_.reset();
    if (suspect && (!rq.alone || !out.claimed.empty())) {
      out.suspect_waits = true;
      if (!rq.pass_suspects) return false;
      suspect = false;
    }
    auto epoch = add("delivery", 1);
    auto until = now + rq.lease.count();
    auto& statement = suspect ? claim_one_ : claim_;
    if (suspect)
      bind_all(claim_one_, epoch, rq.worker, until, head);
    else
      bind_all(claim_, epoch, rq.worker, until, queue, count, std::int64_t{suspect_from});
    std::vector<std::pair<delivery, job_id>> got;
    while (statement.executeStep())
      got.push_back({{.tag = {statement.getColumn(0).getInt64(), epoch},
                      .queue = statement.getColumn(2),
                      .payload = statement.getColumn(3).getString(),
                      .failures = statement.getColumn(4).getUInt(),
                      .crashes = statement.getColumn(5).getUInt()},
                     statement.getColumn(1)});
    statement.reset();
    // RETURNING has no order of its own.
    std::sort(got.begin(), got.end(), [](auto& a, auto& b) { return a.first.tag < b.first.tag; });
    if (out.claimed.empty()) claimed_ids_.clear();
    for (auto& [d, id] : got) {
      out.claimed.push_back(std::move(d));
      claimed_ids_.push_back(std::move(id));
    }
    return !suspect;
  }

  /// How many jobs of `queue` may be claimed now.
  std::int64_t allowance(const std::string& queue, std::int64_t room, std::int64_t now,
                         exchange_result& out) {
    if (!bind_all(settings_, queue).executeStep()) return room;
    bool paused = settings_.getColumn(0).getInt() != 0;
    queue_limits limits{settings_.getColumn(1).getUInt(), settings_.getColumn(2).getUInt(),
                        milliseconds(settings_.getColumn(3).getInt64())};
    auto tokens = tokens_now(limits, settings_.getColumn(4).getDouble(),
                             settings_.getColumn(5).getInt64(), now);
    settings_.reset();
    if (paused) return 0;
    if (limits.concurrency > 0) {
      SQLite::Statement running(db_, "SELECT COUNT(*) FROM job WHERE state = 1 AND queue = ?1");
      bind_all(running, queue).executeStep();
      room = std::min(
          room, std::max<std::int64_t>(limits.concurrency - running.getColumn(0).getInt64(), 0));
      if (room == 0) out.look_again = std::min(out.look_again, milliseconds{50});
    }
    if (limits.rate > 0) {
      SQLite::Statement put(db_, "UPDATE queue SET tokens = ?2, tokens_at = ?3 WHERE name = ?1");
      bind_all(put, queue, tokens, now).exec();
      if (tokens < 1) {
        auto period = static_cast<double>(limits.period.count());
        auto wait = std::min((1 - tokens) * period / limits.rate, 1'000.0);
        out.look_again = std::min(out.look_again, milliseconds(static_cast<int>(wait) + 1));
      }
      room = std::min(room, static_cast<std::int64_t>(tokens));
    }
    return room;
  }

  void spend(const std::string& queue, std::int64_t count) {
    if (count == 0) return;
    SQLite::Statement put(db_,
                          "UPDATE queue SET tokens = tokens - ?2 WHERE name = ?1 AND rate > 0");
    bind_all(put, queue, count).exec();
  }

  /// Frees what a job held that will not run any more: its key, the wish to cancel it; and says so
  /// in its status.
  void let_go(const job_id& id, const std::string& payload, const char* why) {
    if (payload.find("\"lock\"") != payload.npos)
      if (auto job = decode_payload(payload); job && !job->lock.empty() && !job->lock_expires)
        bind_all(unlock_, job->lock, id).exec();
    SQLite::Statement wish(db_, "DELETE FROM cancel WHERE jid = ?1");
    bind_all(wish, id).exec();
    auto document = status_of(id);
    if (document.empty()) return;
    auto status = decode_status(document);
    status.status = job_status::phase::failed;
    status.error = why;
    write_status(id, encode_status(status));
  }

  /// Makes a delayed or dead job the last one that is ready. Ready jobs stand by their row ids.
  void put_last(std::int64_t id, std::int64_t now) {
    SQLite::Statement last(db_,
                           "UPDATE job SET id = (SELECT MAX(id) FROM job) + 1, state = 0, since = "
                           "?2, run_at = NULL WHERE id = ?1");
    bind_all(last, id, now).exec();
  }

  std::int64_t add(const char* counter, std::int64_t amount) {
    bind_all(count_, std::string(counter), amount).executeStep();
    auto value = count_.getColumn(0).getInt64();
    count_.executeStep();
    return value;
  }

  /// Running jobs that match become ready again; those that took too many consumers with them,
  /// dead.
  template <class Bind>
  result<std::size_t> give_back(const std::string& condition, Bind bind) {
    auto returned = guard_sqlite(file_, [&] {
      SQLite::Statement any(
          db_, "SELECT 1 FROM job WHERE ?1 = ?1 AND state = 1 AND " + condition + " LIMIT 1");
      any.bind(1, unix_ms());
      bind(any);
      if (!any.executeStep()) return std::size_t{0};
      any.reset();
      write_transaction write(db_);
      SQLite::Statement died(
          db_, "SELECT jid, payload FROM job WHERE ?1 = ?1 AND state = 1 AND crashes + 1 >= " +
                   std::to_string(crashes_max) + " AND " + condition);
      died.bind(1, unix_ms());
      bind(died);
      std::int64_t dead = 0;
      for (; died.executeStep(); ++dead)
        let_go(died.getColumn(0), died.getColumn(1).getString(), crash_text);
      died.reset();
      SQLite::Statement back(
          db_, "UPDATE job SET " + crash_columns() +
                   ", delivery = 0, lease_until = NULL WHERE ?1 = ?1 AND state = 1 AND " +
                   condition);
      back.bind(1, unix_ms());
      bind(back);
      back.bind(3, std::string(crash_exception));
      back.bind(4, std::string(crash_text));
      back.bind(5, unix_ms());
      auto count = static_cast<std::size_t>(back.exec());
      if (dead > 0) {
        add("failed", dead);
        add("processed", dead);
      }
      write.commit();
      return count;
    });
    if (returned && *returned > 0) wake_up(file_);
    return returned;
  }

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

}  // namespace

std::unique_ptr<job_store> open_sqlite_job_store(const std::string& path,
                                                 const queue_config& config) {
  return std::make_unique<sqlite_job_store>(
      path,
      open_database(path, {.full_sync = config.sync != "normal",
                           .busy_timeout = config.enqueue_timeout,
                           .version = queue_file_version}),
      config);
}

std::string sqlite_path(const std::string& url) {
  constexpr std::string_view scheme = "sqlite:";
  return url.starts_with(scheme) ? url.substr(scheme.size()) : std::string{};
}

}  // namespace sm
