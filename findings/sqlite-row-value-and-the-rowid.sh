#!/bin/bash
# SQLite 3.40.1 (Debian 12): pages of a table by (since, id) > (?, ?) ORDER BY since, id LIMIT n, with an index of both.
# Expected: each page is looked up in the index by both, as SQLite's page on row values promises of such queries.
# Seen: when id is the INTEGER PRIMARY KEY it is looked up by since alone, and what has the same since is read from its
# begin for each page: 100,000 such rows take 15 times as long. With any other column of the same index it is by both,
# and so is since = ? AND id > ? with this one.
# sm: reads a page of the dead by two queries (sqlite_job_lists::dead).
. "$(dirname "$0")/common"
debs sqlite3=3.40.1-2+deb12u2 libsqlite3-0=3.40.1-2+deb12u2
# plan ID WHERE: how the rows are found, when id is declared like that.
plan() {
  "$here/root/usr/bin/sqlite3" :memory: "CREATE TABLE job(id $1, since INTEGER NOT NULL, payload TEXT);" \
    "CREATE INDEX dead ON job(since, id);" \
    "EXPLAIN QUERY PLAN SELECT * FROM job WHERE $2 ORDER BY since, id LIMIT 5;" | sed -n 's/.*USING INDEX dead //p'
}
same "id INTEGER NOT NULL" "((since,id)>(?,?))" "$(plan "INTEGER NOT NULL" "(since, id) > (1, 2)")"
same "id INTEGER PRIMARY KEY" "(since>?)" "$(plan "INTEGER PRIMARY KEY" "(since, id) > (1, 2)")"
same "id INTEGER PRIMARY KEY, since = ? AND id > ?" "(since=? AND id>?)" "$(plan "INTEGER PRIMARY KEY" "since = 1 AND id > 2")"
