// What concerns SQLite alone: the file, the disk, earlier versions.
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "job_store_fixture.hpp"
#include "store/sqlite.hpp"

namespace sm {

namespace {

class sqlite_store_fixture : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "queue.db"; }
  test::temporary_folder folder_;
};

}  // namespace

TEST_F(sqlite_store_fixture, a_file_that_is_no_database_is_refused_and_left_as_it_is) {
  std::ofstream(file()) << std::string(5000, 'x');
  auto store = open_job_store("sqlite:" + file().string(), {});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, errc::unavailable);
  EXPECT_NE(store.error().detail.find("move it away"), std::string::npos) << store.error().detail;
  std::string text;
  std::ifstream(file()) >> text;
  EXPECT_EQ(text, std::string(5000, 'x'));
}

TEST_F(sqlite_store_fixture, a_database_that_somebody_holds_is_unavailable_after_its_deadline) {
  auto s = std::move(*open_job_store("sqlite:" + file().string(), {}));
  auto holder = std::make_unique<SQLite::Database>(open_database(file(), {}));
  holder->exec("BEGIN EXCLUSIVE");
  auto begin = std::chrono::steady_clock::now();
  auto refused = s->enqueue(std::vector<new_job>{job("1")}, 200ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  holder.reset();
  EXPECT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 5s));
}

TEST_F(sqlite_store_fixture, a_full_disk_refuses_jobs_and_loses_none) {
  auto s = std::move(*open_job_store("sqlite:" + file().string(), {}));
  // What a full disk is to a process: no file may grow beyond this.
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  rlimit full{256 << 10, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  std::vector<job_id> stored;
  result<std::vector<duplicate>> outcome;
  for (int i = 0; i < 1'000 && outcome; ++i) {
    auto j = job(std::to_string(i));
    j.payload.append(4'000, ' ');
    outcome = s->enqueue(std::vector<new_job>{j}, 100ms);
    if (outcome) stored.push_back(j.id);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  ASSERT_FALSE(outcome) << "the limit was never met";
  EXPECT_EQ(outcome.error().code, errc::unavailable);
  EXPECT_FALSE(stored.empty());
  auto again = s->enqueue(std::vector<new_job>{job("after")}, 1s);
  ASSERT_TRUE(again) << to_string(again.error());
  stored.push_back("after");
  auto got = s->exchange({}, all_of(2'000));
  ASSERT_TRUE(got) << to_string(got.error());
  std::vector<job_id> found;
  for (auto& d : got->claimed) found.push_back(key_of_job(d.payload));
  EXPECT_EQ(found, stored);
}

TEST_F(sqlite_store_fixture, a_database_of_a_newer_version_is_refused) {
  { auto s = open_job_store("sqlite:" + file().string(), {}); }
  open_database(file(), {}).exec("PRAGMA user_version=99");
  auto store = open_job_store("sqlite:" + file().string(), {});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().detail.find("newer"), std::string::npos);
}

TEST_F(sqlite_store_fixture, a_file_that_was_moved_away_takes_no_more_jobs) {
  auto s = std::move(*open_job_store("sqlite:" + file().string(), {}));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  std::filesystem::rename(file(), folder_.path() / "aside.db");
  auto refused = s->enqueue(std::vector<new_job>{job("2")}, 1s);
  ASSERT_FALSE(refused) << "nobody would find it";
  EXPECT_NE(refused.error().detail.find("moved"), std::string::npos);
  EXPECT_FALSE(s->exchange({}, all_of(1)));
  std::filesystem::rename(folder_.path() / "aside.db", file());
  EXPECT_TRUE(s->enqueue(std::vector<new_job>{job("2")}, 1s));
  EXPECT_EQ(s->exchange({}, all_of(10))->claimed.size(), 2U);
}

TEST_F(sqlite_store_fixture, jobs_of_the_second_version_of_the_file_stay) {
  {
    auto s = std::move(*open_job_store("sqlite:" + file().string(), {}));
    ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
    open_database(file(), {})
        .exec(
            "DROP INDEX job_dead_since; DROP INDEX lock_until; DROP INDEX status_until; CREATE "
            "INDEX "
            "job_dead ON job(id) WHERE state = 3; PRAGMA user_version=2;");
  }
  auto s = open_job_store("sqlite:" + file().string(), {});
  ASSERT_TRUE(s) << to_string(s.error());
  EXPECT_EQ((*s)->exchange({}, all_of(10))->claimed.size(), 1U);
  EXPECT_EQ(open_database(file(), {}).execAndGet("PRAGMA user_version").getInt(), 3);
}

TEST_F(sqlite_store_fixture, jobs_of_the_first_version_of_the_file_are_taken_over) {
  open_database(file(), {}).exec(R"(
CREATE TABLE job(id INTEGER PRIMARY KEY AUTOINCREMENT, jid TEXT NOT NULL UNIQUE, queue TEXT NOT NULL,
  prio INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 0, run_at INTEGER, lease_until INTEGER,
  delivery INTEGER NOT NULL DEFAULT 0, worker TEXT, attempts INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0, max_attempts INTEGER NOT NULL DEFAULT 1, unique_key TEXT,
  payload BLOB NOT NULL, exception TEXT, error TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL);
CREATE INDEX job_ready ON job(queue, prio, id) WHERE state = 0;
CREATE INDEX job_delayed ON job(run_at) WHERE state = 2;
CREATE INDEX job_leased ON job(lease_until) WHERE state = 1;
CREATE INDEX job_dead ON job(id) WHERE state = 3;
CREATE UNIQUE INDEX job_unique ON job(unique_key) WHERE unique_key IS NOT NULL AND state < 3;
CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO job(jid, queue, payload, created, updated, state) VALUES('a', 'q', 'A', 1, 1, 0), ('b', 'q', 'B', 1, 1, 1);
INSERT INTO job(jid, queue, payload, created, updated, state, error) VALUES('c', 'q', 'C', 1, 1, 3, 'boom');
PRAGMA user_version=1;)");
  auto s = open_job_store("sqlite:" + file().string(), {});
  ASSERT_TRUE(s) << to_string(s.error());
  auto got = (*s)->exchange({}, {.worker = "w", .queues = {"*"}, .max = 10});
  EXPECT_EQ(got->claimed.size(), 2U);
  EXPECT_EQ((*s)->jobs(job_state::dead, "", 0, 10)->jobs.front().error, "boom");
}

}  // namespace sm
