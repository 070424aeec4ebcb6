// SQLite through SQLiteCpp, with the project's errors and durability rules at the border.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <filesystem>
#include <sm/error.hpp>
#include <sm/guarded.hpp>
#include <string>
#include <type_traits>

namespace sm {

struct sqlite_options {
  bool full_sync = true;  ///< a commit survives a power failure; without it only a crash
  std::chrono::milliseconds busy_timeout{5'000};
  int version = 0;  ///< of our tables; a file of a later one is refused before anything is written
};

/// Opens or creates `file` in WAL mode, for any number of processes. A file that is no database, or
/// a damaged one, is refused with what to do, and never overwritten. Throws `failure`.
SQLite::Database open_database(const std::filesystem::path& file, const sqlite_options& options);

/// Opens `file`, of the tables of `options.version` and no other, without any room on the disk: the
/// index of its WAL is in memory, so that it can be read when there is no place for its -shm.
/// Nobody else can open it meanwhile. Throws `failure`.
SQLite::Database open_database_alone(const std::filesystem::path& file,
                                     const sqlite_options& options);

/// Puts what is in the WAL into the file itself, as far as others who have it open allow it.
void fold_in(SQLite::Database& db) noexcept;

/// Gives back the pages that it keeps in memory, after a bulk say.
void release_pages(SQLite::Database& db) noexcept;

/// Throws `failure` when another file, or none, is at the place of the one that is open: what were
/// written to it would be lost.
void refuse_moved(const SQLite::Database& db, const std::filesystem::path& file);

/// The project's error for one of SQLite's: `unavailable` for a full disk, a lock or a damaged
/// file.
error sqlite_error(const SQLite::Exception& e, const std::filesystem::path& file);

/// Runs `f` and turns what it throws into an error.
template <class F>
auto guard_sqlite(const std::filesystem::path& file, F f) -> result<std::invoke_result_t<F>> {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      f();
      return {};
    } else {
      return f();
    }
  } catch (const SQLite::Exception& e) {
    return tl::unexpected<error>(sqlite_error(e, file));
  } catch (...) {
    return tl::unexpected<error>(logged_error(file.string(), errc::internal));
  }
}

}  // namespace sm
