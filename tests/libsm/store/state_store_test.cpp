#include "store/state_store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "small_disk.hpp"
#include "store/sqlite.hpp"
#include "temporary_folder.hpp"

namespace sm {
namespace {
desired_service service_named(std::string name) {
  desired_service wanted{.spec = {.name = std::move(name), .type = "t", .params = {{"k", "v"}}}};
  complete(wanted.spec);
  return wanted;
}

std::string content_of(const std::filesystem::path& file) {
  std::stringstream content;
  content << std::ifstream(file).rdbuf();
  return content.str();
}

journaled_instance run_of(const std::string& service, std::uint64_t incarnation) {
  journaled_instance run{.name = service + ":0",
                         .pid = 10,
                         .start_time = 1,
                         .incarnation = incarnation,
                         .boot = "boot",
                         .token = "token",
                         .spec = {.name = service, .type = "t"}};
  complete(run.spec);
  return run;
}
}  // namespace

TEST(state_store, services_survive_reopening) {
  test::temporary_folder t;
  auto a = service_named("a"), b = service_named("b");
  b.declared = std::make_shared<const service_spec>(b.spec);
  b.enabled = false;
  b.removed = true;
  {
    auto store = state_store::open(t.path() / "state.db");
    ASSERT_TRUE(store);
    ASSERT_TRUE(store->put_service(a));
    ASSERT_TRUE(store->put_service(b));
    ASSERT_TRUE(store->put_service(service_named("c")));
    ASSERT_TRUE(store->remove_service("c"));
  }
  auto again = state_store::open(t.path() / "state.db");
  ASSERT_TRUE(again);
  auto services = again->services();
  ASSERT_TRUE(services);
  EXPECT_EQ(services->rows, (std::vector<desired_service>{a, b}));
}

TEST(state_store, an_instances_row_is_removed_by_its_own_incarnation_only) {
  test::temporary_folder t;
  auto store = state_store::open(t.path() / "state.db");
  service_spec spec{.name = "a", .type = "t", .params = {{"x", 1}}};
  complete(spec);
  const journaled_instance first{"a:0", 10, 1, 1, "boot", "token", 3, spec};
  ASSERT_TRUE(store->put_instance(first));
  EXPECT_EQ(store->instances()->rows.front(), first);
  ASSERT_TRUE(store->put_instance({"a:0", 11, 2, 2, "boot", "other", 4, spec}));
  ASSERT_TRUE(store->remove_instance("a:0", 1));
  auto rows = store->instances();
  ASSERT_EQ(rows->rows.size(), 1U);
  EXPECT_EQ(rows->rows.front().pid, 11);
  ASSERT_TRUE(store->remove_instance("a:0", 2));
  EXPECT_TRUE(store->instances()->rows.empty());
}

TEST(state_store, what_has_ended_is_known_until_it_is_started_again_or_forgotten) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  service_spec spec{.name = "a", .type = "t"};
  complete(spec);
  const journaled_instance first{"a:0", 10, 1, 1, "boot", "token", 3, spec};
  journaled_instance ended{.name = "a:0", .incarnation = 1, .boot = "boot", .restarts = 3};
  ended.spec = spec;
  for (auto& end :
       {instance_end{exited_with{0}, false, "exit code 0"},
        instance_end{killed_by{9}, true, "no sign of life"}, instance_end{vanished{}, false, ""}}) {
    auto store = state_store::open(file);
    ASSERT_TRUE(store->put_instance(first));
    ended.end = end;
    ASSERT_TRUE(store->put_instance(ended));
    EXPECT_EQ(store->instances()->rows, std::vector{ended}) << "instead of its process";
  }
  auto store = state_store::open(file);
  EXPECT_EQ(store->instances()->rows, std::vector{ended}) << "once more, to the next manager";
  const journaled_instance second{"a:0", 11, 2, 2, "boot", "other", 4, spec};
  ASSERT_TRUE(store->put_instance(second));
  EXPECT_EQ(store->instances()->rows, std::vector{second});
  ended.incarnation = 2;
  ASSERT_TRUE(store->put_instance(ended));
  ASSERT_TRUE(store->remove_instance("a:0", 1));
  EXPECT_EQ(store->instances()->rows, std::vector{ended}) << "of a later run";
  ASSERT_TRUE(store->remove_instance("a:0", 2));
  EXPECT_TRUE(store->instances()->rows.empty());
}

TEST(state_store, of_two_versions_of_sm_the_older_one_may_have_started_what_had_ended) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  auto store = state_store::open(file);
  service_spec spec{.name = "a", .type = "t"};
  complete(spec);
  journaled_instance ended{.name = "a:0", .incarnation = 1, .boot = "boot"};
  ended.spec = spec;
  ended.end = instance_end{exited_with{0}, false, ""};
  ASSERT_TRUE(store->put_instance(ended));
  {
    SQLite::Database older(file.string(), SQLite::OPEN_READWRITE);
    older.exec("INSERT INTO instance SELECT name, 10, 1, 2, boot, 'token', 0, spec FROM ended");
  }
  auto rows = store->instances()->rows;
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.front().pid, 10);
  {
    SQLite::Database older(file.string(), SQLite::OPEN_READWRITE);
    older.exec("DROP TABLE ended");
  }
  auto again = state_store::open(file);
  ended.incarnation = 2;
  EXPECT_TRUE(again->put_instance(ended)) << "a file that the older version made";
  EXPECT_EQ(again->instances()->rows, std::vector{ended});
}

TEST(state_store, a_row_that_cannot_be_read_is_set_aside_and_stays) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  auto store = state_store::open(file);
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->put_services({service_named("a"), service_named("b"), service_named("c")}));
  service_spec spec{.name = "a", .type = "t"};
  complete(spec);
  for (auto* name : {"a:0", "a:1", "a:2", "a:3"})
    ASSERT_TRUE(store->put_instance({name, 10, 1, 1, "boot", "token", 0, spec}));
  for (auto* name : {"a:4", "a:5", "a:6"}) {
    journaled_instance ended{.name = name, .spec = spec};
    ended.end = instance_end{exited_with{0}, false, ""};
    ASSERT_TRUE(store->put_instance(ended));
  }
  {
    SQLite::Database db(file.string(), SQLite::OPEN_READWRITE);
    db.exec(R"(UPDATE service SET spec = '{"name":"a","v":1e400}' WHERE name = 'a')");
    db.exec(R"(UPDATE service SET declared = '[' WHERE name = 'b')");
    db.exec("UPDATE instance SET name = 'a:4000000000' WHERE name = 'a:0'");
    db.exec("UPDATE instance SET pid = -1 WHERE name = 'a:1'");
    db.exec("UPDATE instance SET spec = x'00ff' WHERE name = 'a:2'");
    db.exec("UPDATE ended SET end = '[]' WHERE name = 'a:4'");
    db.exec(R"(UPDATE ended SET end = '{"code":1.5}' WHERE name = 'a:5')");
    db.exec("UPDATE ended SET spec = '' WHERE name = 'a:6'");
  }
  auto services = store->services();
  ASSERT_TRUE(services);
  ASSERT_EQ(services->rows.size(), 1U);
  EXPECT_EQ(services->rows[0].spec.name, "c");
  ASSERT_EQ(services->unreadable.size(), 2U);
  EXPECT_EQ(services->unreadable[0].name, "a");
  auto instances = store->instances();
  ASSERT_TRUE(instances);
  ASSERT_EQ(instances->rows.size(), 1U);
  EXPECT_EQ(instances->rows[0].name, "a:3");
  EXPECT_EQ(instances->unreadable.size(), 6U);
  EXPECT_EQ(store->services()->unreadable.size(), 2U) << "nothing is deleted";
}

TEST(state_store, a_file_that_is_no_database_is_refused_with_what_to_do_and_left_alone) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  const std::string content(5000, 'x');
  std::ofstream(file) << content;
  auto store = state_store::open(file);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::unavailable);
  EXPECT_EQ(store.error().where, file.string());
  EXPECT_NE(store.error().detail.find("move it away"), std::string::npos) << store.error().detail;
  std::stringstream after;
  after << std::ifstream(file).rdbuf();
  EXPECT_EQ(after.str(), content);
}

TEST(state_store, a_closed_file_is_whole_without_its_wal) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  {
    auto store = state_store::open(file);
    ASSERT_TRUE(store->put_service(service_named("a")));
    ASSERT_TRUE(store->put_instance(run_of("a", 1)));
    EXPECT_TRUE(std::filesystem::exists(file.string() + "-wal"));
  }
  EXPECT_FALSE(std::filesystem::exists(file.string() + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(file.string() + "-shm"));
  auto copy = t.path() / "copy.db";
  std::filesystem::copy_file(file, copy);
  EXPECT_EQ(state_store::open(copy)->services()->rows.size(), 1U);
}

TEST(state_store, a_file_of_a_newer_version_is_refused_with_words_and_left_to_the_last_byte) {
  test::temporary_folder t;
  auto file = t.path() / "state.db", newer = t.path() / "newer.db";
  auto wal = newer.string() + "-wal";
  auto writer = state_store::open(file);
  ASSERT_TRUE(writer->put_service(service_named("a")));
  SQLite::Database db = open_database(file, {});
  db.exec("PRAGMA user_version=99");
  // As its own program was killed: what it wrote is in the WAL.
  std::filesystem::copy_file(file, newer);
  std::filesystem::copy_file(file.string() + "-wal", wal);
  auto before = content_of(newer), wal_before = content_of(wal);
  ASSERT_FALSE(wal_before.empty());
  auto store = state_store::open(newer);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::unavailable);
  EXPECT_NE(store.error().detail.find("newer version"), std::string::npos) << store.error().detail;
  EXPECT_NE(store.error().detail.find("99"), std::string::npos) << store.error().detail;
  EXPECT_TRUE(content_of(newer) == before);
  EXPECT_TRUE(content_of(wal) == wal_before);
}

TEST(state_store, a_file_that_was_removed_takes_no_change_that_would_be_lost) {
  test::temporary_folder t;
  auto store = state_store::open(t.path() / "state.db");
  ASSERT_TRUE(store->put_service(service_named("a")));
  std::filesystem::remove(t.path() / "state.db");
  auto lost = store->put_service(service_named("b"));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::unavailable);
  EXPECT_NE(lost.error().detail.find("removed"), std::string::npos) << lost.error().detail;
}

TEST(state_store, opens_on_a_full_disk_refuses_changes_and_goes_on_when_there_is_room) {
  test::small_disk disk(512);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  auto file = disk.path() / "state.db";
  {
    auto store = state_store::open(file);
    ASSERT_TRUE(store) << to_string(store.error());
    ASSERT_TRUE(store->put_service(service_named("a")));
    ASSERT_TRUE(store->put_instance(run_of("a", 1)));
  }
  disk.fill();
  auto store = state_store::open(file);
  ASSERT_TRUE(store) << to_string(store.error());
  EXPECT_EQ(store->services()->rows.size(), 1U);
  EXPECT_EQ(store->instances()->rows.size(), 1U);
  auto refused = store->put_service(service_named("b"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_FALSE(store->put_instance(run_of("a", 2)));
  EXPECT_FALSE(store->put_instance(run_of("c", 3)));
  EXPECT_FALSE(store->remove_instance("c:0", 3));
  EXPECT_EQ(store->services()->rows.size(), 1U);
  disk.make_room();
  EXPECT_TRUE(store->catch_up());
  EXPECT_TRUE(store->put_service(service_named("b")));
  auto rows = store->instances();
  ASSERT_EQ(rows->rows.size(), 1U);
  EXPECT_EQ(rows->rows.front(), run_of("a", 2)) << "what could not be written was";
  // Others may look at it again.
  EXPECT_EQ(open_database(file, {}).execAndGet("SELECT count(*) FROM service").getInt(), 2);
}

TEST(state_store, the_failure_of_a_write_is_not_one_of_the_next) {
  test::temporary_folder t;
  auto file = t.path() / "state.db";
  auto store = state_store::open(file);
  ASSERT_TRUE(store->put_instance(run_of("a", 1)));
  {
    auto other = open_database(file, {});
    SQLite::Transaction held(other, SQLite::TransactionBehavior::IMMEDIATE);
    EXPECT_FALSE(store->put_instance(run_of("a", 2)));
  }
  EXPECT_TRUE(store->put_instance(run_of("a", 3)));
}

TEST(state_store, a_disk_that_fills_up_costs_no_row) {
  test::small_disk disk(512);
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount";
  auto store = state_store::open(disk.path() / "state.db");
  ASSERT_TRUE(store->put_service(service_named("a")));
  disk.fill();
  // What is left in the last page of the WAL may take one or two.
  result<void> full;
  for (int i = 0; i < 50 && full; ++i) full = store->put_service(service_named("b"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, errc::unavailable);
  EXPECT_NE(full.error().detail.find("full"), std::string::npos) << full.error().detail;
  disk.make_room();
  ASSERT_TRUE(store->put_service(service_named("b")));
  EXPECT_EQ(store->services()->rows.size(), 2U);
}

}  // namespace sm
