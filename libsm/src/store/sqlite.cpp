#include "store/sqlite.hpp"

#include <sqlite3.h>

namespace sm {

SQLite::Database open_database(const std::filesystem::path& file, const sqlite_options& options) {
  try {
    SQLite::Database db(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                        static_cast<int>(options.busy_timeout.count()));
    db.exec("PRAGMA journal_mode=WAL");
    db.exec(options.full_sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    return db;
  } catch (const SQLite::Exception& e) {
    throw failure(sqlite_error(e, file));
  }
}

error sqlite_error(const SQLite::Exception& e, const std::filesystem::path& file) {
  switch (e.getErrorCode()) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return {errc::unavailable,
              std::string(e.what()) +
                  "; the file is left as it is: move it away to begin anew, or restore "
                  "it with 'sqlite3 FILE .recover'",
              file.string()};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {errc::unavailable, "another process holds the database locked", file.string()};
    default:
      return {errc::unavailable, e.what(), file.string()};
  }
}

}  // namespace sm
