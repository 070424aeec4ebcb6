// The embedded store: one file, opened by every process for itself, in WAL mode.
#include <algorithm>

#include "queue/job_store.hpp"
#include "queue/wake_up.hpp"
#include "service/selector.hpp"
#include "store/sqlite.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

// state: 0 ready, 1 leased, 2 delayed, 3 dead. Only ready jobs are looked for, so only they are
// indexed by queue; a job that is done is a row that is gone.
constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS job(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  jid TEXT NOT NULL UNIQUE,
  queue TEXT NOT NULL,
  prio INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0,
  run_at INTEGER,
  lease_until INTEGER,
  delivery INTEGER NOT NULL DEFAULT 0,
  worker TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 1,
  unique_key TEXT,
  payload BLOB NOT NULL,
  exception TEXT,
  error TEXT,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS job_ready ON job(queue, prio, id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS job_delayed ON job(run_at) WHERE state = 2;
CREATE INDEX IF NOT EXISTS job_leased ON job(lease_until) WHERE state = 1;
CREATE INDEX IF NOT EXISTS job_dead ON job(id) WHERE state = 3;
CREATE UNIQUE INDEX IF NOT EXISTS job_unique ON job(unique_key) WHERE unique_key IS NOT NULL AND state < 3;
CREATE TABLE IF NOT EXISTS counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version=1;
)";

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// BEGIN IMMEDIATE: waits for the write lock here, once, instead of failing in the middle.
class write_transaction {
 public:
  explicit write_transaction(SQLite::Database& db) : db_(db) { db_.exec("BEGIN IMMEDIATE"); }
  write_transaction(const write_transaction&) = delete;
  write_transaction& operator=(const write_transaction&) = delete;
  ~write_transaction() {
    if (!committed_) db_.tryExec("ROLLBACK");
  }
  void commit() {
    db_.exec("COMMIT");
    committed_ = true;
  }

 private:
  SQLite::Database& db_;
  bool committed_ = false;
};

class sqlite_job_store : public job_store {
 public:
  sqlite_job_store(std::filesystem::path file, SQLite::Database db)
      : file_(std::move(file)),
        db_(prepare(std::move(db))),
        insert_(db_,
                "INSERT INTO job(jid, queue, payload, created, updated) VALUES(?1, ?2, ?3, ?4, ?4) "
                "ON CONFLICT(jid) DO NOTHING"),
        done_(db_, "DELETE FROM job WHERE id = ?1 AND delivery = ?2 AND state = 1"),
        dead_(db_,
              "UPDATE job SET state = 3, exception = ?3, error = ?4, updated = ?5, lease_until = "
              "NULL "
              "WHERE id = ?1 AND delivery = ?2 AND state = 1"),
        claim_(
            db_,
            "UPDATE job SET state = 1, delivery = ?1, worker = ?2, lease_until = ?3, "
            "attempts = attempts + 1, updated = ?4 WHERE id IN (SELECT id FROM job WHERE state = 0 "
            "AND queue = ?5 ORDER BY prio, id LIMIT ?6) "
            "RETURNING id, jid, queue, payload, attempts"),
        queues_(db_, "SELECT DISTINCT queue FROM job WHERE state = 0 ORDER BY queue"),
        count_(db_,
               "INSERT INTO counter(name, value) VALUES(?1, ?2) "
               "ON CONFLICT(name) DO UPDATE SET value = value + ?2 RETURNING value"),
        renew_(db_,
               "UPDATE job SET lease_until = ?3 WHERE id = ?1 AND delivery = ?2 AND state = 1") {}

  result<void> enqueue(std::span<const new_job> jobs) override {
    auto outcome = guard_sqlite(file_, [&] {
      write_transaction write(db_);
      auto now = now_ms();
      for (auto& job : jobs) {
        insert_.reset();
        insert_.bind(1, job.id);
        insert_.bind(2, job.queue);
        insert_.bind(3, job.payload.data(), static_cast<int>(job.payload.size()));
        insert_.bind(4, now);
        insert_.exec();
      }
      write.commit();
    });
    if (outcome) wake_up(file_, jobs.size());
    return outcome;
  }

  result<exchange_result> exchange(std::span<const job_outcome> outcomes,
                                   const claim_request& rq) override {
    return guard_sqlite(file_, [&] {
      exchange_result out;
      // Reading needs no write lock: an idle consumer that looks must not wait for, or hinder,
      // writers.
      if (outcomes.empty() && (rq.max == 0 || ready_queues(rq.queues).empty())) return out;
      write_transaction write(db_);
      auto now = now_ms();
      std::int64_t done = 0, dead = 0;
      for (auto& o : outcomes) (o.exception.empty() ? done : dead) += end_delivery(o, now) ? 1 : 0;
      out.accepted = static_cast<std::size_t>(done + dead);
      if (done + dead > 0) add("processed", done + dead);
      if (dead > 0) add("failed", dead);
      if (rq.max > 0)
        for (auto& queue : ready_queues(rq.queues)) {
          claim_from(queue, rq, now, out.claimed);
          if (out.claimed.size() >= rq.max) break;
        }
      write.commit();
      return out;
    });
  }

  result<std::vector<delivery_tag>> renew(std::span<const delivery_tag> held,
                                          milliseconds lease) override {
    return guard_sqlite(file_, [&] {
      std::vector<delivery_tag> lost;
      write_transaction write(db_);
      for (auto& tag : held) {
        renew_.reset();
        renew_.bind(1, tag.row);
        renew_.bind(2, tag.epoch);
        renew_.bind(3, now_ms() + lease.count());
        if (renew_.exec() == 0) lost.push_back(tag);
      }
      write.commit();
      return lost;
    });
  }

  result<std::size_t> release(const std::string& worker) override {
    return give_back("worker = ?2", [&](SQLite::Statement& s) { s.bind(2, worker); });
  }

  result<std::size_t> reap() override {
    return give_back("lease_until <= ?2", [&](SQLite::Statement& s) { s.bind(2, now_ms()); });
  }

  result<std::vector<failed_job>> failed(std::size_t offset, std::size_t count) override {
    return guard_sqlite(file_, [&] {
      std::vector<failed_job> list;
      SQLite::Statement rows(
          db_,
          "SELECT jid, queue, payload, exception, error, worker, updated FROM job "
          "WHERE state = 3 ORDER BY id LIMIT ?1 OFFSET ?2");
      rows.bind(1, static_cast<std::int64_t>(count));
      rows.bind(2, static_cast<std::int64_t>(offset));
      while (rows.executeStep())
        list.push_back({rows.getColumn(0), rows.getColumn(1), rows.getColumn(2).getString(),
                        rows.getColumn(3), rows.getColumn(4), rows.getColumn(5),
                        rows.getColumn(6).getInt64()});
      return list;
    });
  }

  result<std::vector<queue_counts>> counts() override {
    return guard_sqlite(file_, [&] {
      std::vector<queue_counts> list;
      SQLite::Statement rows(
          db_,
          "SELECT queue, SUM(state = 0), SUM(state = 1), MIN(CASE WHEN state = 0 THEN "
          "created END) FROM job WHERE state < 2 GROUP BY queue ORDER BY queue");
      while (rows.executeStep())
        list.push_back({rows.getColumn(0), static_cast<std::uint64_t>(rows.getColumn(1).getInt64()),
                        static_cast<std::uint64_t>(rows.getColumn(2).getInt64()),
                        rows.isColumnNull(3) ? 0 : now_ms() - rows.getColumn(3).getInt64()});
      return list;
    });
  }

 private:
  static SQLite::Database prepare(SQLite::Database db) {
    db.exec(schema);
    return db;
  }

  /// The queues to claim from, in order: those named, or for "*" those that have jobs.
  std::vector<std::string> ready_queues(const std::vector<std::string>& wanted) {
    std::vector<std::string> ready;
    queues_.reset();
    while (queues_.executeStep()) ready.push_back(queues_.getColumn(0));
    std::vector<std::string> order;
    for (auto& pattern : wanted)
      for (auto& queue : ready)
        if (glob_match(pattern, queue) &&
            std::find(order.begin(), order.end(), queue) == order.end())
          order.push_back(queue);
    return order;
  }

  bool end_delivery(const job_outcome& o, std::int64_t now) {
    auto& statement = o.exception.empty() ? done_ : dead_;
    statement.reset();
    statement.bind(1, o.tag.row);
    statement.bind(2, o.tag.epoch);
    if (!o.exception.empty()) {
      statement.bind(3, o.exception);
      statement.bind(4, o.text);
      statement.bind(5, now);
    }
    return statement.exec() > 0;
  }

  void claim_from(const std::string& queue, const claim_request& rq, std::int64_t now,
                  std::vector<delivery>& claimed) {
    auto epoch = add("delivery", 1);
    claim_.reset();
    claim_.bind(1, epoch);
    claim_.bind(2, rq.worker);
    claim_.bind(3, now + rq.lease.count());
    claim_.bind(4, now);
    claim_.bind(5, queue);
    claim_.bind(6, static_cast<std::int64_t>(rq.max - claimed.size()));
    auto first = static_cast<std::ptrdiff_t>(claimed.size());
    while (claim_.executeStep())
      claimed.push_back({{claim_.getColumn(0).getInt64(), epoch},
                         claim_.getColumn(1),
                         claim_.getColumn(2),
                         claim_.getColumn(3).getString(),
                         static_cast<unsigned>(claim_.getColumn(4).getInt())});
    // RETURNING has no order of its own.
    std::sort(claimed.begin() + first, claimed.end(),
              [](auto& a, auto& b) { return a.tag < b.tag; });
  }

  std::int64_t add(const char* counter, std::int64_t amount) {
    count_.reset();
    count_.bind(1, counter);
    count_.bind(2, amount);
    count_.executeStep();
    auto value = count_.getColumn(0).getInt64();
    count_.executeStep();
    return value;
  }

  /// Leased jobs that match become ready again; those that took too many consumers with them,
  /// failed.
  template <class Bind>
  result<std::size_t> give_back(const std::string& condition, Bind bind) {
    auto returned = guard_sqlite(file_, [&] {
      SQLite::Statement any(
          db_, "SELECT 1 FROM job WHERE ?1 = ?1 AND state = 1 AND " + condition + " LIMIT 1");
      any.bind(1, now_ms());
      bind(any);
      if (!any.executeStep()) return std::size_t{0};
      any.reset();
      write_transaction write(db_);
      SQLite::Statement back(
          db_,
          "UPDATE job SET crashes = crashes + 1, delivery = 0, lease_until = NULL, updated = ?1, "
          "state = CASE WHEN crashes + 1 >= " +
              std::to_string(crashes_max) +
              " THEN 3 ELSE 0 END, "
              "exception = 'sm::LeaseExpired', error = 'the consumer ended or fell silent while it "
              "performed "
              "this job' WHERE state = 1 AND " +
              condition);
      back.bind(1, now_ms());
      bind(back);
      auto count = static_cast<std::size_t>(back.exec());
      write.commit();
      return count;
    });
    if (returned && *returned > 0) wake_up(file_, *returned);
    return returned;
  }

  std::filesystem::path file_;
  SQLite::Database db_;
  SQLite::Statement insert_, done_, dead_, claim_, queues_, count_, renew_;
};

}  // namespace

std::string sqlite_path(const std::string& url) {
  constexpr std::string_view scheme = "sqlite:";
  return url.starts_with(scheme) ? url.substr(scheme.size()) : std::string{};
}

result<std::unique_ptr<job_store>> open_job_store(const std::string& url,
                                                  const queue_config& config) {
  auto path = sqlite_path(url);
  if (path.empty())
    return fail(errc::invalid_spec,
                "'" + url + "' is no queue this build can open; write sqlite:PATH", "queue.url");
  return guard_sqlite(path, [&]() -> std::unique_ptr<job_store> {
    return std::make_unique<sqlite_job_store>(
        path, open_database(path, {.busy_timeout = config.enqueue_timeout}));
  });
}

}  // namespace sm
