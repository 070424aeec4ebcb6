// The clock beside other schedulers, and a Redis that lost its data.
#include "redis_store_fixture.hpp"

namespace sm {

TEST_F(redis_store_fixture, lost_data_is_noticed_whichever_way_it_went) {
  auto s = open(), other = open();
  auto lost = [&](job_store& store) { return store.lost_data().value_or(true); };
  EXPECT_FALSE(lost(*s));
  EXPECT_FALSE(lost(*other)) << "several clocks count together";
  EXPECT_FALSE(lost(*s));
  EXPECT_FALSE(lost(*other));
  redis_.cli({"FLUSHDB"});
  EXPECT_TRUE(lost(*s));
  EXPECT_TRUE(lost(*other));
  EXPECT_FALSE(lost(*s));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(lost(*other));
  redis_.cli({"SET", "resque:sm:epoch", "3"});
  EXPECT_TRUE(lost(*other)) << "a copy with older data";
  redis_.cli({"CONFIG", "SET", "maxmemory", "100kb"});
  EXPECT_FALSE(lost(*other)) << "a full one has lost nothing";
}

TEST_F(redis_store_fixture, what_a_scheduler_delayed_is_its_own_while_it_holds_its_lock) {
  struct row {
    const char *prefix, *lock_prefix, *lock;
  };
  for (auto& [prefix, lock_prefix, lock] :
       {row{"resque", "", "resque:resque:resque_scheduler_master_lock"},
        row{"app", "", "app:app:resque_scheduler_master_lock"},
        row{"app", "my", "app:app:my:resque_scheduler_master_lock"},
        row{"app", "my", "app:app:resque_scheduler_master_lock"},
        row{"app", "", "app:resque_scheduler_leader_lock"}}) {
    redis_.cli({"FLUSHDB"});
    std::string p = std::string(prefix) + ":";
    auto s = std::move(*open_job_store(redis_.url() + "?prefix=" + prefix,
                                       {.scheduler_lock_prefix = lock_prefix}));
    redis_.cli({"RPUSH", p + "delayed:1700000000", R"({"class":"T","args":[1],"queue":"q"})"});
    redis_.cli({"ZADD", p + "delayed_queue_schedule", "1700000000", "1700000000"});
    redis_.cli({"SET", lock, "host:1", "EX", "180"});
    ASSERT_TRUE(s->move_due());
    EXPECT_EQ(redis_.cli({"LLEN", p + "queue:q"}), "0") << lock;
    redis_.cli({"DEL", lock});
    ASSERT_TRUE(s->move_due());
    EXPECT_EQ(redis_.cli({"LLEN", p + "queue:q"}), "1") << lock;
  }
}

}  // namespace sm
