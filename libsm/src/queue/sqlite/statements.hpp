// Short forms for SQLite's statements and transactions.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <span>
#include <string>

namespace sm {

/// BEGIN IMMEDIATE: waits for the write lock here, once, instead of failing in the middle.
class write_transaction {
 public:
  explicit write_transaction(SQLite::Database& db) : db_(db) { db_.exec("BEGIN IMMEDIATE"); }
  write_transaction(const write_transaction&) = delete;
  write_transaction& operator=(const write_transaction&) = delete;
  ~write_transaction() {
    if (!committed_) db_.tryExec("ROLLBACK");
  }
  void commit() {
    db_.exec("COMMIT");
    committed_ = true;
  }

 private:
  SQLite::Database& db_;
  bool committed_ = false;
};

inline void bind_one(SQLite::Statement& s, int at, const std::string& value) { s.bind(at, value); }
inline void bind_one(SQLite::Statement& s, int at, std::int64_t value) { s.bind(at, value); }
inline void bind_one(SQLite::Statement& s, int at, double value) { s.bind(at, value); }
inline void bind_one(SQLite::Statement& s, int at, std::span<const char> bytes) {
  s.bind(at, bytes.data(), static_cast<int>(bytes.size()));
}

/// Binds the arguments in order, to ?1 and so on.
template <class... A>
SQLite::Statement& bind_all(SQLite::Statement& s, const A&... values) {
  s.tryReset();  // it would say once more why the last call failed
  int at = 0;
  (bind_one(s, ++at, values), ...);
  return s;
}

inline std::span<const char> blob(const std::string& bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace sm
