// The floors of scripts/bench queue: the same work without a queue around it, by hiredis pipelines
// and by plain SQLite transactions.
//   queue_floor redis PORT | queue_floor sqlite FILE
// prints: enqueue one by one, enqueue by 100, claim and acknowledge by 50 (jobs/s each).
#include <hiredis/hiredis.h>
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using clock_type = std::chrono::steady_clock;

namespace {

const std::string job =
    R"({"class":"Noop","args":[{}],"id":"d344029c9f1f4290511c506f2783b507","queue_time":1795429306.842671})";

/// Jobs per second of `round`, which does `jobs` of them, called for two seconds.
template <class F>
double rate(double jobs, F round) {
  auto begin = clock_type::now();
  double count = 0;
  std::chrono::duration<double> took{};
  for (; took.count() < 2; took = clock_type::now() - begin) {
    round();
    count += jobs;
  }
  return count / took.count();
}

void redis_floor(int port) {
  auto* c = ::redisConnect("127.0.0.1", port);
  if (!c || c->err) std::exit(1);
  auto call = [&](auto... words) { ::freeReplyObject(::redisCommand(c, words...)); };
  auto reap = [&](int replies) {
    for (int i = 0; i < replies; ++i) {
      void* reply = nullptr;
      if (::redisGetReply(c, &reply) != REDIS_OK) std::exit(1);
      ::freeReplyObject(reply);
    }
  };
  call("SADD floor:queues q");
  auto single = rate(1, [&] {
    ::redisAppendCommand(c, "SADD floor:queues q");
    ::redisAppendCommand(c, "RPUSH floor:q %b", job.data(), job.size());
    reap(2);
  });
  auto batched = rate(100, [&] {
    for (int i = 0; i < 100; ++i)
      ::redisAppendCommand(c, "RPUSH floor:q %b", job.data(), job.size());
    reap(100);
  });
  auto performed = rate(50, [&] {
    ::redisAppendCommand(c, "LPOP floor:q 50");
    ::redisAppendCommand(c, "INCRBY floor:processed 50");
    reap(2);
  });
  std::printf("%.0f %.0f %.0f\n", single, batched, performed);
  ::redisFree(c);
}

void sqlite_floor(const char* file) {
  sqlite3* db = nullptr;
  if (::sqlite3_open(file, &db) != SQLITE_OK) std::exit(1);
  auto run = [&](const char* text) {
    if (::sqlite3_exec(db, text, nullptr, nullptr, nullptr) != SQLITE_OK) std::exit(1);
  };
  run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE job(id INTEGER PRIMARY KEY, "
      "payload BLOB)");
  auto prepare = [&](const char* text) {
    sqlite3_stmt* s = nullptr;
    if (::sqlite3_prepare_v2(db, text, -1, &s, nullptr) != SQLITE_OK) std::exit(1);
    return s;
  };
  auto* insert = prepare("INSERT INTO job(payload) VALUES(?1)");
  auto* take = prepare(
      "DELETE FROM job WHERE id IN (SELECT id FROM job ORDER BY id LIMIT 50) RETURNING payload");
  auto put = [&] {
    ::sqlite3_reset(insert);
    ::sqlite3_bind_blob(insert, 1, job.data(), static_cast<int>(job.size()), SQLITE_STATIC);
    if (::sqlite3_step(insert) != SQLITE_DONE) std::exit(1);
  };
  auto single = rate(1, put);
  auto batched = rate(100, [&] {
    run("BEGIN IMMEDIATE");
    for (int i = 0; i < 100; ++i) put();
    run("COMMIT");
  });
  auto performed = rate(50, [&] {
    ::sqlite3_reset(take);
    while (::sqlite3_step(take) == SQLITE_ROW) {
    }
    ::sqlite3_reset(take);
  });
  std::printf("%.0f %.0f %.0f\n", single, batched, performed);
  ::sqlite3_finalize(insert);
  ::sqlite3_finalize(take);
  ::sqlite3_close(db);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  if (std::string(argv[1]) == "redis")
    redis_floor(std::atoi(argv[2]));
  else
    sqlite_floor(argv[2]);
  return 0;
}
