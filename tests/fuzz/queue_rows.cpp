// Rows of queue.db that another version, or somebody else, wrote. Each line of the input is a row:
// the table's letter (j, s, c, l, t, q), a tab, and its columns (see rows.hpp).
#include "rows.hpp"

#include <sm/config.hpp>

#include "queue/job_documents.hpp"
#include "queue/job_store.hpp"
#include "queue/unix_time.hpp"
#include "temporary_folder.hpp"

#include "fuzz.hpp"

namespace {

struct table {
  char letter;
  const char* insert;
  int columns;
};
constexpr table tables[] = {{'j',
                             "INSERT INTO job(jid, queue, state, since, run_at, lease_until, "
                             "delivery, worker, failures, crashes, payload, "
                             "exception, error) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                             13},
                            {'s', "INSERT OR REPLACE INTO status VALUES(?,?,?)", 3},
                            {'c', "INSERT OR REPLACE INTO schedule VALUES(?,?,?)", 3},
                            {'l', "INSERT OR REPLACE INTO lock VALUES(?,?,?)", 3},
                            {'t', "INSERT OR REPLACE INTO counter VALUES(?,?)", 2},
                            {'q', "INSERT OR REPLACE INTO queue VALUES(?,?,?,?,?,?,?)", 7}};

struct queue_database {
  sm::test::temporary_folder folder;
  std::filesystem::path file = folder.path() / "queue.db";
  std::unique_ptr<sm::job_store> store = open();
  SQLite::Database raw{file.string(), SQLite::OPEN_READWRITE};

  queue_database() { raw.exec("PRAGMA synchronous=OFF"); }

  std::unique_ptr<sm::job_store> open() const {
    sm::queue_config config;
    config.sync = "normal";
    auto opened = sm::open_job_store("sqlite:" + file.string(), config);
    sm::fuzz::must(opened.has_value(), "the store opens");
    return std::move(*opened);
  }
};

}  // namespace

SM_FUZZ_TARGET(queue_rows) {
  using sm::fuzz::must;
  static queue_database db;
  {
    SQLite::Transaction write(db.raw);
    db.raw.exec(
        "DELETE FROM job; DELETE FROM status; DELETE FROM schedule; DELETE FROM lock; DELETE FROM "
        "counter; "
        "DELETE FROM queue");
    while (!input.empty()) {
      auto line = sm::fuzz::take_line(input);
      for (auto& t : tables)
        if (line.starts_with(t.letter))
          sm::fuzz::insert_row(db.raw, t.insert, t.columns,
                               line.substr(std::min<std::size_t>(2, line.size())));
    }
    write.commit();
  }
  auto shown = [](const sm::json& document) {
    must(sm::parse_json(sm::print_json(document)).has_value(), "what is shown is JSON");
  };
  for (auto state :
       {sm::job_state::ready, sm::job_state::running, sm::job_state::delayed, sm::job_state::dead})
    if (auto page = db.store->jobs(state, "", 0, 100))
      for (auto& job : page->jobs) {
        auto document = sm::to_document(job);
        if (auto status = db.store->status(job.id)) sm::add_status(document, *status);
        shown(document);
        (void)db.store->find(job.id);
      }
  if (auto counts = db.store->counts())
    for (auto& queue : *counts) shown(sm::to_document(queue));
  if (auto schedules = db.store->schedules())
    for (auto& schedule : *schedules) shown(sm::to_document(schedule, sm::unix_ms()));
  (void)db.store->totals();
  (void)db.store->cancel_requests();
  (void)db.store->reap();
  (void)db.store->move_due();
  (void)db.store->exchange({}, {.worker = "h:1:*", .queues = {"*"}, .max = 4});
  (void)db.store->release("h:1:*");
  (void)db.store->tidy();
}
