// Rows of state.db that another version, or somebody else, wrote. Each line of the input is a row:
// the table's letter (s, i, e), a tab, and its columns (see rows.hpp).
#include "rows.hpp"

#include "store/state_store.hpp"
#include "temporary_folder.hpp"

#include "fuzz.hpp"

namespace {

struct database {
  sm::test::temporary_folder folder;
  std::filesystem::path file = folder.path() / "state.db";
  sm::state_store store = std::move(*sm::state_store::open(file));
  SQLite::Database raw{file.string(), SQLite::OPEN_READWRITE};

  database() { raw.exec("PRAGMA synchronous=OFF"); }
};

}  // namespace

SM_FUZZ_TARGET(state_rows) {
  static database db;
  SQLite::Transaction write(db.raw);
  db.raw.exec("DELETE FROM service; DELETE FROM instance; DELETE FROM ended");
  while (!input.empty()) {
    auto line = sm::fuzz::take_line(input);
    auto columns = line.substr(std::min<std::size_t>(2, line.size()));
    if (line.starts_with('i'))
      sm::fuzz::insert_row(db.raw, "INSERT OR REPLACE INTO instance VALUES(?,?,?,?,?,?,?,?)", 8,
                           columns);
    else if (line.starts_with('e'))
      sm::fuzz::insert_row(db.raw, "INSERT OR REPLACE INTO ended VALUES(?,?,?,?,?,?)", 6, columns);
    else
      sm::fuzz::insert_row(db.raw, "INSERT OR REPLACE INTO service VALUES(?,?,?,?,?)", 5, columns);
  }
  write.commit();
  if (auto services = db.store.services()) (void)sm::merge_declared(services->rows, {});
  (void)db.store.instances();
}
