#include "store/sqlite.hpp"

#include <sqlite3.h>

#include <thread>

namespace sm {
namespace {

int version_of(SQLite::Database& db) { return db.execAndGet("PRAGMA user_version").getInt(); }

/// A file that this version does not understand is left as it is to the last byte, its WAL, too.
void refuse_newer(SQLite::Database& db, const std::filesystem::path& file, int known) {
  auto found = version_of(db);
  if (found <= known) return;
  ::sqlite3_db_config(db.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  throw failure(errc::unavailable,
                "was written by a newer version of sm (its tables are of version " +
                    std::to_string(found) + ", this program knows " + std::to_string(known) +
                    "): run that version, or name another place",
                file.string());
}

}  // namespace

SQLite::Database open_database(const std::filesystem::path& file, const sqlite_options& options) {
  try {
    SQLite::Database db(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE,
                        static_cast<int>(options.busy_timeout.count()));
    if (options.version > 0) refuse_newer(db, file, options.version);
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

SQLite::Database open_database_alone(const std::filesystem::path& file,
                                     const sqlite_options& options) {
  try {
    SQLite::Database db(file.string(), SQLite::OPEN_READWRITE,
                        static_cast<int>(options.busy_timeout.count()));
    db.exec("PRAGMA locking_mode=EXCLUSIVE");
    refuse_newer(db, file, options.version);
    if (version_of(db) != options.version)
      throw failure(errc::unavailable, "its tables are not of this version yet", file.string());
    return db;
  } catch (const SQLite::Exception& e) {
    throw failure(sqlite_error(e, file));
  }
}

void release_pages(SQLite::Database& db) noexcept { ::sqlite3_db_release_memory(db.getHandle()); }

void fold_in(SQLite::Database& db) noexcept {
  ::sqlite3_wal_checkpoint_v2(db.getHandle(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                              nullptr);
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
