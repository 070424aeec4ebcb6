// The tables of queue.db.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

namespace sm {

/// Of the tables; kept as user_version.
inline constexpr int queue_file_version = 3;

/// Makes the tables, or brings those of an earlier version to this one's form. Throws `failure` for
/// a file of a later version.
SQLite::Database prepare_queue_file(SQLite::Database db);

}  // namespace sm
