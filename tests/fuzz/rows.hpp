// Rows as texts: columns parted by tabs, of which one that begins with '#' is a number, and "~" is
// NULL.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

namespace sm::fuzz {

/// Binds the columns of `line` to the parameters of `row` and executes it; what the table refuses
/// is not there.
inline void insert_row(SQLite::Database& db, const char* insert, int columns,
                       std::string_view line) {
  SQLite::Statement row(db, insert);
  for (int at = 1; at <= columns; ++at) {
    std::string column(line.substr(0, line.find('\t')));
    line.remove_prefix(std::min(column.size() + 1, line.size()));
    if (column == "~")
      row.bind(at);
    else if (column.starts_with('#'))
      row.bind(at, static_cast<std::int64_t>(std::strtoll(column.c_str() + 1, nullptr, 10)));
    else
      row.bind(at, column);
  }
  row.tryExecuteStep();
}

}  // namespace sm::fuzz
