#include "queue/sqlite/sqlite_store.hpp"

#include <limits>

namespace sm {

using std::chrono::milliseconds;

namespace {

constexpr std::int64_t move_max = 1000;  // delayed jobs of one transaction
constexpr std::int64_t tidy_max = 1000;  // rows dropped in one

}  // namespace

result<std::int64_t> sqlite_job_store::move_due() {
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

result<std::vector<stored_schedule>> sqlite_job_store::schedules() {
  return guard_sqlite(file_, [&] {
    std::vector<stored_schedule> list;
    SQLite::Statement rows(db_, "SELECT name, document, last FROM schedule ORDER BY name");
    while (rows.executeStep())
      list.push_back({rows.getColumn(0), rows.getColumn(1), rows.getColumn(2).getInt64()});
    return list;
  });
}

result<void> sqlite_job_store::put_schedule(const stored_schedule& s, bool keep_last) {
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

result<bool> sqlite_job_store::remove_schedule(const std::string& name) {
  return guard_sqlite(file_, [&] {
    SQLite::Statement gone(db_, "DELETE FROM schedule WHERE name = ?1");
    return bind_all(gone, name).exec() > 0;
  });
}

result<firing> sqlite_job_store::fire(const std::string& name, std::int64_t last_ms,
                                      std::int64_t now, const new_job* job) {
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

result<void> sqlite_job_store::tidy() {
  return guard_sqlite(file_, [&] {
    auto now = unix_ms();
    // In portions, between which others write.
    auto drop = [this](const std::string& table, const std::string& key,
                       const std::string& condition, std::int64_t bound, std::int64_t most) {
      SQLite::Statement some(db_, "DELETE FROM " + table + " WHERE " + key + " IN (SELECT " + key +
                                      " FROM " + table + " WHERE " + condition + " LIMIT ?2)");
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

}  // namespace sm
