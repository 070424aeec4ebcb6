#include "queue/sqlite/sqlite_job_lists.hpp"

#include <algorithm>
#include <map>

#include "queue/queue_limit.hpp"
#include "queue/sqlite/statements.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

constexpr const char* view_columns =
    "SELECT jid, queue, payload, state, run_at, worker, failures, crashes, exception, error, "
    "since, id FROM job";

job_view view_of(SQLite::Statement& row) {
  job_view v{.id = row.getColumn(0),
             .queue = row.getColumn(1),
             .payload = row.getColumn(2).getString(),
             .state = static_cast<job_state>(row.getColumn(3).getInt()),
             .run_at_ms = row.getColumn(4).getInt64(),
             .worker = row.getColumn(5),
             .failures = row.getColumn(6).getUInt(),
             .crashes = row.getColumn(7).getUInt()};
  if (v.state == job_state::dead) {
    v.exception = row.getColumn(8).getString();
    v.error = row.getColumn(9).getString();
    v.failed_at_ms = row.getColumn(10).getInt64();
  }
  return v;
}

}  // namespace

std::vector<queue_counts> sqlite_job_lists::counts() {
  std::map<std::string, queue_counts> all;
  // One query for each state, by its index; the head of a queue is its first row.
  for (auto [state, member] : {std::pair{0, &queue_counts::ready},
                               {1, &queue_counts::running},
                               {2, &queue_counts::delayed}}) {
    SQLite::Statement rows(db_, "SELECT queue, COUNT(*) FROM job WHERE state = " +
                                    std::to_string(state) + " GROUP BY queue");
    while (rows.executeStep())
      all[rows.getColumn(0)].*member = static_cast<std::uint64_t>(rows.getColumn(1).getInt64());
  }
  SQLite::Statement head(
      db_, "SELECT since FROM job WHERE state = 0 AND queue = ?1 ORDER BY id LIMIT 1");
  for (auto& [name, c] : all)
    if (c.ready > 0 && bind_all(head, name).executeStep())
      c.oldest_ms = std::max<std::int64_t>(elapsed_ms(head.getColumn(0).getInt64(), unix_ms()), 1);
  SQLite::Statement settings(
      db_,
      "SELECT name, paused, concurrency, rate, period, tokens, tokens_at FROM queue WHERE name <> "
      "''");
  while (settings.executeStep()) {
    auto& c = all[settings.getColumn(0)];
    c.paused = settings.getColumn(1).getInt() != 0;
    c.limits = {settings.getColumn(2).getUInt(), settings.getColumn(3).getUInt(),
                milliseconds(settings.getColumn(4).getInt64())};
    c.at_limit = is_at_limit(c.limits, c.running, settings.getColumn(5).getDouble(),
                             settings.getColumn(6).getInt64(), unix_ms());
  }
  std::vector<queue_counts> list;
  for (auto& [name, c] : all) {
    c.queue = name;
    list.push_back(std::move(c));
  }
  return list;
}

queue_totals sqlite_job_lists::totals() {
  queue_totals t;
  SQLite::Statement rows(db_, "SELECT name, value FROM counter");
  while (rows.executeStep()) {
    auto name = rows.getColumn(0).getString();
    auto value = static_cast<std::uint64_t>(rows.getColumn(1).getInt64());
    if (name == "processed") t.processed = value;
    if (name == "failed") t.failed = value;
  }
  SQLite::Statement dead(db_, "SELECT COUNT(*) FROM job WHERE state = 3");
  if (dead.executeStep()) t.dead = static_cast<std::uint64_t>(dead.getColumn(0).getInt64());
  SQLite::Statement all_paused(db_, "SELECT paused FROM queue WHERE name = ''");
  t.paused = all_paused.executeStep() && all_paused.getColumn(0).getInt() != 0;
  return t;
}

job_page sqlite_job_lists::jobs(job_state state, const std::string& queue, std::size_t offset,
                                std::size_t count) {
  // One statement for each form: the planner must see which index fits.
  std::string text = std::string(view_columns) +
                     " WHERE state = " + std::to_string(static_cast<int>(state)) +
                     (queue.empty() ? " AND ?1 = ''" : " AND queue = ?1") + " ORDER BY " +
                     (state == job_state::delayed ? "run_at, id"
                      : state == job_state::dead  ? "since, id"
                                                  : "id") +
                     " LIMIT ?2 OFFSET ?3";
  SQLite::Statement rows(db_, text);
  bind_all(rows, queue, static_cast<std::int64_t>(count) + 1, static_cast<std::int64_t>(offset));
  job_page page;
  std::size_t bytes = 0;
  while (rows.executeStep()) {
    page.more = page.jobs.size() == count || bytes > job_page_bytes;
    if (page.more) break;
    page.jobs.push_back(view_of(rows));
    bytes += page.jobs.back().payload.size();
  }
  return page;
}

std::optional<job_view> sqlite_job_lists::find(const job_id& id) {
  SQLite::Statement rows(db_, std::string(view_columns) + " WHERE jid = ?1 ORDER BY state");
  bind_all(rows, id);
  if (!rows.executeStep()) return {};
  return view_of(rows);
}

dead_page sqlite_job_lists::dead(const dead_filter& filter, const dead_cursor& from,
                                 std::size_t look_at) {
  dead_page found{.next = from};
  std::size_t bytes = 0;
  // In two parts: for (since, id) > (?1, ?2) SQLite 3.40 looks up `since` alone, because `id` is
  // the rowid, so that each page of many jobs of one instant would read those before it, too.
  for (auto* part : {"since = ?1 AND id > ?2", "since > ?1"}) {
    SQLite::Statement rows(db_, std::string(view_columns) + " WHERE state = 3 AND " + part +
                                    " ORDER BY since, id LIMIT ?3");
    bind_all(rows, from.since, from.row, static_cast<std::int64_t>(look_at) + 1);
    while (rows.executeStep()) {
      found.more = found.looked_at == look_at || bytes > job_page_bytes;
      if (found.more) return found;
      ++found.looked_at;
      auto view = view_of(rows);
      found.next.since = view.failed_at_ms;
      found.next.row = rows.getColumn(11).getInt64();
      if (!filter.fits(view)) continue;
      bytes += view.payload.size();
      found.jobs.push_back(std::move(view));
    }
  }
  return found;
}

}  // namespace sm
