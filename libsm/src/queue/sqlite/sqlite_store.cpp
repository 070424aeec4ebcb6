#include "queue/sqlite/sqlite_store.hpp"

#include <algorithm>

#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/sqlite/queue_file.hpp"

namespace sm {

using std::chrono::milliseconds;

namespace {

constexpr auto status_lives = std::chrono::hours(24 * 30);  // of a job that never ends

}  // namespace

sqlite_job_store::sqlite_job_store(std::filesystem::path file, SQLite::Database db,
                                   const queue_config& config)
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
      head_(db_, "SELECT id, crashes FROM job WHERE state = 0 AND queue = ?1 ORDER BY id LIMIT 1"),
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
      renew_(db_, "UPDATE job SET lease_until = ?3 WHERE id = ?1 AND delivery = ?2 AND state = 1"),
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

result<std::vector<duplicate>> sqlite_job_store::enqueue(std::span<const new_job> jobs,
                                                         milliseconds patience) {
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

result<exchange_result> sqlite_job_store::exchange(std::span<const job_outcome> outcomes,
                                                   const claim_request& rq) {
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

result<std::vector<delivery_tag>> sqlite_job_store::renew(std::span<const delivery> held,
                                                          milliseconds lease) {
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

result<std::size_t> sqlite_job_store::resync(const std::string& worker,
                                             std::span<const delivery_tag> held) {
  std::size_t count = 0;
  auto outcome = guard_sqlite(file_, [&] {
    write_transaction write(db_);
    SQLite::Statement rows(db_, "SELECT id, delivery FROM job WHERE state = 1 AND worker = ?1");
    std::vector<std::int64_t> unknown;
    for (bind_all(rows, worker); rows.executeStep();)
      if (std::find(held.begin(), held.end(), delivery_tag{rows.getColumn(0), rows.getColumn(1)}) ==
          held.end())
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

result<std::vector<job_id>> sqlite_job_store::cancel_requests() {
  return guard_sqlite(file_, [&] {
    std::vector<job_id> ids;
    SQLite::Statement rows(db_, "SELECT jid FROM cancel");
    while (rows.executeStep()) ids.push_back(rows.getColumn(0));
    return ids;
  });
}

result<void> sqlite_job_store::put_status(
    std::span<const std::pair<job_id, std::string>> documents) {
  return guard_sqlite(file_, [&] {
    write_transaction write(db_);
    for (auto& [id, document] : documents) write_status(id, document);
    write.commit();
  });
}

result<void> sqlite_job_store::release_lock(const std::string& lock, const job_id& id) {
  return guard_sqlite(file_, [&] { bind_all(unlock_, lock, id).exec(); });
}

std::unique_ptr<job_waiter> sqlite_job_store::make_clock_waiter() {
  return make_file_waiter(clock_file());
}

result<std::size_t> sqlite_job_store::release(const std::string& worker) {
  return give_back("worker = ?2", [&](SQLite::Statement& s) { s.bind(2, worker); });
}

result<std::size_t> sqlite_job_store::reap() {
  return give_back("lease_until <= ?2", [&](SQLite::Statement& s) { s.bind(2, unix_ms()); });
}

void sqlite_job_store::register_queue(const std::string& queue) {
  if (registered_ == queue) return;
  bind_all(register_queue_, queue).exec();
  registered_ = queue;
}

void sqlite_job_store::insert(const new_job& job, std::int64_t now) {
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

std::optional<job_id> sqlite_job_store::lock_for(const new_job& job, std::int64_t now) {
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

void sqlite_job_store::write_status(const job_id& id, const std::string& document) {
  auto kept =
      has_ended(decode_status(document)) ? milliseconds(status_kept) : milliseconds(status_lives);
  bind_all(put_status_, id, document, unix_ms() + kept.count()).exec();
}

std::string sqlite_job_store::status_of(const job_id& id) {
  std::string document;
  if (bind_all(get_status_, id).executeStep()) document = get_status_.getColumn(0).getString();
  get_status_.reset();
  return document;
}
bool sqlite_job_store::end_delivery(const job_outcome& o, const std::string& worker,
                                    std::int64_t now) {
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

std::string sqlite_job_store::crash_columns() {
  return "crashes = crashes + 1, state = CASE WHEN crashes + 1 >= " + std::to_string(crashes_max) +
         " THEN 3 ELSE 0 END, exception = ?3, error = ?4, since = CASE WHEN crashes + 1 >= " +
         std::to_string(crashes_max) + " THEN ?5 ELSE since END";
}
void sqlite_job_store::let_go(const job_id& id, const std::string& payload, const char* why) {
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

void sqlite_job_store::put_last(std::int64_t id, std::int64_t now) {
  SQLite::Statement last(db_,
                         "UPDATE job SET id = (SELECT MAX(id) FROM job) + 1, state = 0, since = "
                         "?2, run_at = NULL WHERE id = ?1");
  bind_all(last, id, now).exec();
}

std::int64_t sqlite_job_store::add(const char* counter, std::int64_t amount) {
  bind_all(count_, std::string(counter), amount).executeStep();
  auto value = count_.getColumn(0).getInt64();
  count_.executeStep();
  return value;
}

template <class Bind>
result<std::size_t> sqlite_job_store::give_back(const std::string& condition, Bind bind) {
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
                 ", delivery = 0, lease_until = NULL WHERE ?1 = ?1 AND state = 1 AND " + condition);
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
