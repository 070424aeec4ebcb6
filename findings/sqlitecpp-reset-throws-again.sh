#!/bin/bash
# SQLiteCpp 3.2.1 (Debian 12): a prepared statement whose exec() failed, and is reset for its next use.
# Expected: the failure was thrown by exec(); reset() makes the statement ready, and the next exec() succeeds.
# Seen: reset() throws the same failure once more, though what it was about is past (sqlite3_reset returns the error of the
# last step, and reset() takes it for its own); the statement is ready all the same. tryReset() throws nothing.
# sm: state_store uses tryReset() before it binds.
. "$(dirname "$0")/common"
debs libsqlitecpp-dev=3.2.1-1 libsqlite3-dev=3.40.1-2+deb12u2 libsqlite3-0=3.40.1-2+deb12u2
cat > "$here/again.cpp" <<'CPP'
#include <SQLiteCpp/SQLiteCpp.h>

#include <iostream>

void tell(const char* what, auto f) {
  try {
    f();
    std::cout << what << ": fine\n";
  } catch (const SQLite::Exception& e) {
    std::cout << what << ": " << e.what() << '\n';
  }
}

int main() {
  SQLite::Database db(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  db.exec("CREATE TABLE t(n INTEGER UNIQUE); INSERT INTO t VALUES(1)");
  for (bool tries : {false, true}) {
    SQLite::Statement put(db, "INSERT INTO t VALUES(1)");
    tell("exec", [&] { put.exec(); });
    db.exec("DELETE FROM t");
    tell(tries ? "tryReset" : "reset", [&] { tries ? (void)put.tryReset() : put.reset(); });
    tell("exec again", [&] { put.exec(); });
  }
}
CPP
g++ -std=c++20 -w -I"$here/root/usr/include" "$here/again.cpp" -o "$here/again" \
  -L"$here/root/usr/lib/x86_64-linux-gnu" -l:libSQLiteCpp.a -l:libsqlite3.so.0 -lpthread -ldl
seen=$(timeout 60 "$here/again")
failed="UNIQUE constraint failed: t.n"
same "reset" "exec: $failed;reset: $failed;exec again: fine" "$(sed -n 1,3p <<< "$seen" | paste -sd';')"
same "tryReset" "exec: $failed;tryReset: fine;exec again: fine" "$(sed -n 4,6p <<< "$seen" | paste -sd';')"
