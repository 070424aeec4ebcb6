#include "queue/sqlite/sqlite_store.hpp"

#include "queue/payload.hpp"

namespace sm {

using std::chrono::milliseconds;

namespace {

constexpr auto cancel_kept = std::chrono::hours(24);
constexpr std::int64_t clear_max = 2000;  // dead jobs taken away in one

}  // namespace

result<std::vector<queue_counts>> sqlite_job_store::counts() {
  return guard_sqlite(file_, [&] { return lists_.counts(); });
}

result<queue_totals> sqlite_job_store::totals() {
  return guard_sqlite(file_, [&] { return lists_.totals(); });
}

result<job_page> sqlite_job_store::jobs(job_state state, const std::string& queue,
                                        std::size_t offset, std::size_t count) {
  return guard_sqlite(file_, [&] { return lists_.jobs(state, queue, offset, count); });
}

result<std::optional<job_view>> sqlite_job_store::find(const job_id& id) {
  return guard_sqlite(file_, [&] { return lists_.find(id); });
}

result<dead_page> sqlite_job_store::dead(const dead_filter& filter, const dead_cursor& from,
                                         std::size_t look_at) {
  return guard_sqlite(file_, [&] { return lists_.dead(filter, from, look_at); });
}

result<std::string> sqlite_job_store::status(const job_id& id) {
  return guard_sqlite(file_, [&] { return status_of(id); });
}

result<std::size_t> sqlite_job_store::remove(std::span<const job_view> jobs) {
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

result<void> sqlite_job_store::request_cancel(const job_id& id) {
  return guard_sqlite(file_, [&] {
    SQLite::Statement ask(db_, "INSERT OR REPLACE INTO cancel(jid, until) VALUES(?1, ?2)");
    bind_all(ask, id, unix_ms() + milliseconds(cancel_kept).count()).exec();
  });
}

result<std::size_t> sqlite_job_store::requeue(std::span<const job_view> dead) {
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

result<std::size_t> sqlite_job_store::clear_dead() {
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

result<void> sqlite_job_store::pause(const std::string& queue, bool paused) {
  auto outcome = guard_sqlite(file_, [&] {
    SQLite::Statement put(db_,
                          "INSERT INTO queue(name, paused) VALUES(?1, ?2) ON CONFLICT(name) DO "
                          "UPDATE SET paused = ?2");
    bind_all(put, queue, std::int64_t{paused}).exec();
  });
  if (outcome && !paused) wake_up(file_);
  return outcome;
}

result<void> sqlite_job_store::put_limits(const std::string& queue, const queue_limits& l) {
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

result<std::size_t> sqlite_job_store::remove_queue(const std::string& queue) {
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

result<void> sqlite_job_store::import(std::span<const job_view> jobs) {
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

}  // namespace sm
