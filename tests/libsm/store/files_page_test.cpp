// docs/files.md says what the databases look like: what it says must be so.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "queue/sqlite/queue_file.hpp"
#include "store/sqlite.hpp"
#include "store/state_store.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {

struct documented {
  std::string version, sql;
};

/// The page's section on a database.
documented section(const std::string& title) {
  std::stringstream text;
  text << std::ifstream(FILES_PAGE).rdbuf();
  auto page = text.str();
  auto between = [&](std::size_t& at, const std::string& begin, const std::string& end) {
    auto from = page.find(begin, at) + begin.size();
    at = page.find(end, from);
    return page.substr(from, at - from);
  };
  auto at = page.find("## " + title + "\n");
  documented found;
  found.version = between(at, "`PRAGMA user_version` is ", ".");
  found.sql = between(at, "```sql\n", "```");
  return found;
}

/// What makes each table and index, without comments, and blanks made one.
std::map<std::string, std::string> schema_of(SQLite::Database& db) {
  std::map<std::string, std::string> all;
  SQLite::Statement rows(db, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL");
  while (rows.executeStep()) {
    std::string sql = rows.getColumn(1), plain;
    for (std::size_t at = 0; at < sql.size(); ++at) {
      if (sql.compare(at, 2, "--") == 0) at = std::min(sql.find('\n', at), sql.size());
      if (at < sql.size() && !std::isspace(static_cast<unsigned char>(sql[at]))) plain += sql[at];
    }
    all[rows.getColumn(0)] = plain;
  }
  return all;
}

void expect_documented(const std::string& title, SQLite::Database& real) {
  auto page = section(title);
  SQLite::Database db(":memory:", SQLite::OPEN_READWRITE);
  db.exec(page.sql);
  EXPECT_EQ(schema_of(db), schema_of(real));
  EXPECT_FALSE(schema_of(real).empty());
  EXPECT_EQ(page.version, real.execAndGet("PRAGMA user_version").getString());
}

}  // namespace

TEST(files_page, shows_the_tables_of_state_db) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  ASSERT_TRUE(state_store::open(file));
  SQLite::Database db(file.string());
  expect_documented("state.db", db);
}

TEST(files_page, shows_the_tables_of_queue_db) {
  test::temporary_folder t;
  auto db = prepare_queue_file(open_database(t.path() / "queue.db", {}));
  expect_documented("queue.db", db);
}

TEST(files_page, a_database_in_use_is_copied_as_it_says) {
  test::temporary_folder t;
  auto file = t.path() / "state.db", copy = t.path() / "copy.db";
  auto store = state_store::open(file);
  desired_service a{.spec = {.name = "a", .type = "t"}}, b{.spec = {.name = "b", .type = "t"}};
  complete(a.spec);
  complete(b.spec);
  ASSERT_TRUE(store->put_service(a));
  {
    SQLite::Database other(file.string(), SQLite::OPEN_READWRITE);
    other.exec("VACUUM INTO '" + copy.string() + "'");
  }
  ASSERT_TRUE(store->put_service(b));
  EXPECT_EQ(state_store::open(copy)->services()->rows.size(), 1U);
  EXPECT_EQ(store->services()->rows.size(), 2U);
}

}  // namespace sm
