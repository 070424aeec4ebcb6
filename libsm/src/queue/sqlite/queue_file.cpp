#include "queue/sqlite/queue_file.hpp"

#include <sm/error.hpp>

#include "queue/sqlite/statements.hpp"

namespace sm {
namespace {

// state: 0 ready, 1 running, 2 delayed, 3 dead. A job that is done is a row that is gone. A job
// that is given back keeps its row, and so its place at the head.
constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS job(
  id INTEGER PRIMARY KEY,
  jid TEXT NOT NULL,
  queue TEXT NOT NULL,
  state INTEGER NOT NULL DEFAULT 0,
  since INTEGER NOT NULL,
  run_at INTEGER,
  lease_until INTEGER,
  delivery INTEGER NOT NULL DEFAULT 0,
  worker TEXT,
  failures INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  payload BLOB NOT NULL,
  exception TEXT,
  error TEXT);
CREATE INDEX IF NOT EXISTS job_by_jid ON job(jid);
CREATE INDEX IF NOT EXISTS job_ready ON job(queue, id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS job_running ON job(lease_until) WHERE state = 1;
CREATE INDEX IF NOT EXISTS job_delayed ON job(run_at) WHERE state = 2;
CREATE INDEX IF NOT EXISTS job_delayed_by_queue ON job(queue) WHERE state = 2;
CREATE INDEX IF NOT EXISTS job_dead_since ON job(since, id) WHERE state = 3;
CREATE TABLE IF NOT EXISTS counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lock(key TEXT PRIMARY KEY, jid TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS status(jid TEXT PRIMARY KEY, document TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lock_until ON lock(until);
CREATE INDEX IF NOT EXISTS status_until ON status(until);
CREATE TABLE IF NOT EXISTS cancel(jid TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS schedule(name TEXT PRIMARY KEY, document TEXT NOT NULL, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue(
  name TEXT PRIMARY KEY,
  paused INTEGER NOT NULL DEFAULT 0,
  concurrency INTEGER NOT NULL DEFAULT 0,
  rate INTEGER NOT NULL DEFAULT 0,
  period INTEGER NOT NULL DEFAULT 1000,
  tokens REAL NOT NULL DEFAULT 0,
  tokens_at INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
)";
constexpr int schema_version = queue_file_version;

// Version 2 had another index of the dead, and none by the end of a lock or status.
constexpr const char* from_version_2 = "DROP INDEX job_dead;";

// Version 1 had the same table with other columns.
constexpr const char* from_version_1 = R"(
ALTER TABLE job RENAME TO job_1;
DROP INDEX job_ready; DROP INDEX job_delayed; DROP INDEX job_leased; DROP INDEX job_dead; DROP INDEX job_unique;
)";
constexpr const char* copy_version_1 = R"(
INSERT INTO job(id, jid, queue, state, since, payload, crashes, exception, error, worker)
  SELECT id, jid, queue, CASE state WHEN 1 THEN 0 ELSE state END, updated, payload, crashes, exception, error, worker
  FROM job_1;
DROP TABLE job_1;
)";

}  // namespace

SQLite::Database prepare_queue_file(SQLite::Database db) {
  db.exec("PRAGMA journal_size_limit=67108864");
  auto version = [&] { return db.execAndGet("PRAGMA user_version").getInt(); };
  if (version() == schema_version) return db;
  {
    // Two processes that come first must not both make the tables.
    write_transaction write(db);
    auto found = version();
    if (found > schema_version)
      throw failure(errc::unavailable,
                    "was written by a newer version (" + std::to_string(found) + ")",
                    db.getFilename());
    if (found == 1) db.exec(from_version_1);
    if (found == 2) db.exec(from_version_2);
    if (found < schema_version) db.exec(schema);
    if (found == 1) db.exec(copy_version_1);
    if (found > 0) db.exec("INSERT OR IGNORE INTO queue(name) SELECT DISTINCT queue FROM job");
    db.exec("PRAGMA user_version=" + std::to_string(schema_version));
    write.commit();
  }
  return db;
}

}  // namespace sm
