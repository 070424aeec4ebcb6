#include "store/sqlite.hpp"

#include <sqlite3.h>

#include <thread>

namespace sm {

SQLite::Database open_database(const std::filesystem::path& file, const sqlite_options& options) {
  try {
    SQLite::Database db(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                        static_cast<int>(options.busy_timeout.count()));
    // The change to WAL does not wait for others who open the file at the same time.
    for (auto give_up = std::chrono::steady_clock::now() + options.busy_timeout;;) {
      if (db.tryExec("PRAGMA journal_mode=WAL") != SQLITE_BUSY) break;
      if (std::chrono::steady_clock::now() > give_up) break;
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    db.exec(options.full_sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    return db;
  } catch (const SQLite::Exception& e) {
    throw failure(sqlite_error(e, file));
  }
}

void refuse_moved(const SQLite::Database& db, const std::filesystem::path& file) {
  int moved = 0;
  if (::sqlite3_file_control(db.getHandle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
      moved != 0)
    throw failure(errc::unavailable,
                  "the file was moved or removed while it was in use: restart the program",
                  file.string());
}

error sqlite_error(const SQLite::Exception& e, const std::filesystem::path& file) {
  switch (e.getErrorCode()) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return {errc::unavailable,
              std::string(e.what()) +
                  "; the file is left as it is: stop the program, then move it away together with "
                  "its -wal and -shm to begin anew, or restore it with 'sqlite3 FILE .recover'",
              file.string()};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {errc::unavailable, "another process holds the database locked", file.string()};
    default:
      return {errc::unavailable, e.what(), file.string()};
  }
}

}  // namespace sm
