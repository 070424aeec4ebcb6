// How consumers on Redis find the queues to claim from.
#include "redis_store_fixture.hpp"

namespace sm {

TEST_F(redis_store_fixture, who_watches_asks_for_queues_before_it_is_woken_not_after) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  ASSERT_EQ(s->exchange({}, all_of(1))->claimed.size(), 1U);
  EXPECT_TRUE(s->exchange({}, all_of(1))->claimed.empty());  // then it watches
  EXPECT_TRUE(s->exchange({}, all_of(1))->claimed.empty());  // looks once more, and waits
  redis_.cli({"CONFIG", "RESETSTAT"});
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("2")}, 1s));
  EXPECT_EQ(s->exchange({}, all_of(1))->claimed.size(), 1U);
  EXPECT_EQ(redis_.cli({"INFO", "commandstats"}).find("cmdstat_smembers"), std::string::npos);
  // A queue that is new: found at the second look, which follows at once.
  EXPECT_TRUE(s->exchange({}, all_of(1))->claimed.empty());
  EXPECT_TRUE(s->exchange({}, all_of(1))->claimed.empty());
  auto other = job("3");
  other.queue = "new";
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{other}, 1s));
  EXPECT_TRUE(s->exchange({}, all_of(1))->claimed.empty());
  EXPECT_EQ(s->exchange({}, all_of(1))->claimed.size(), 1U);
}

}  // namespace sm
