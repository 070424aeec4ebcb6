// Rows of state.db that another version, or somebody else, wrote. Each line of the input is a row:
// the table's letter (s, i) and its columns, parted by tabs; a column that begins with '#' is a
// number, one that is "~" is NULL.
#include <SQLiteCpp/SQLiteCpp.h>

#include "store/state_store.hpp"
#include "temporary_folder.hpp"

#include "fuzz.hpp"

namespace {

constexpr const char* insert_service = "INSERT OR REPLACE INTO service VALUES(?, ?, ?, ?, ?)";
constexpr const char* insert_instance =
    "INSERT OR REPLACE INTO instance VALUES(?, ?, ?, ?, ?, ?, ?, ?)";

struct database {
  sm::test::temporary_folder folder;
  std::filesystem::path file = folder.path() / "state.db";
  sm::state_store store = std::move(*sm::state_store::open(file));
  SQLite::Database raw{file.string(), SQLite::OPEN_READWRITE};

  database() { raw.exec("PRAGMA synchronous=OFF"); }
};

void bind(SQLite::Statement& row, int at, std::string_view column) {
  if (column == "~") return row.bind(at);
  std::string text(column);
  if (text.starts_with('#'))
    return row.bind(at, static_cast<std::int64_t>(std::strtoll(text.c_str() + 1, nullptr, 10)));
  row.bind(at, text);
}

void insert(SQLite::Database& db, std::string_view line) {
  bool instance = line.starts_with('i');
  SQLite::Statement row(db, instance ? insert_instance : insert_service);
  for (int at = 1; at <= (instance ? 8 : 5); ++at) {
    auto tab = std::min(line.find('\t'), line.size());
    line.remove_prefix(std::min(tab + 1, line.size()));
    bind(row, at, line.substr(0, line.find('\t')));
  }
  row.tryExecuteStep();  // NOT NULL may refuse it
}

}  // namespace

SM_FUZZ_TARGET(state_rows) {
  static database db;
  SQLite::Transaction write(db.raw);
  db.raw.exec("DELETE FROM service; DELETE FROM instance");
  while (!input.empty()) insert(db.raw, sm::fuzz::take_line(input));
  write.commit();
  if (auto services = db.store.services()) (void)sm::merge_declared(services->rows, {});
  (void)db.store.instances();
}
