// The jobs of an SQLite file as people look at them: counts, pages, and the place of one job. Reads
// only. What SQLite says is thrown.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <optional>
#include <string>
#include <vector>

#include "queue/job_store.hpp"

namespace sm {

class sqlite_job_lists {
 public:
  explicit sqlite_job_lists(SQLite::Database& db) : db_(db) {}

  std::vector<queue_counts> counts();
  queue_totals totals();
  job_page jobs(job_state state, const std::string& queue, std::size_t offset, std::size_t count);
  std::optional<job_view> find(const job_id& id);
  dead_page dead(const dead_filter& filter, const dead_cursor& from, std::size_t look_at);

 private:
  SQLite::Database& db_;
};

}  // namespace sm
