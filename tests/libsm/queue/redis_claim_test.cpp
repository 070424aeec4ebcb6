// How consumers on Redis find the queues to claim from.
#include "redis_store_fixture.hpp"

namespace sm {

TEST_F(redis_store_fixture, who_looks_for_new_queues_finds_one_at_once) {
  auto s = open();
  auto looks = all_of(1);
  looks.new_queues = true;
  EXPECT_TRUE(s->exchange({}, looks)->claimed.empty());
  for (auto* name : {"a", "b"}) {
    auto first = job(name);
    first.queue = name;
    ASSERT_TRUE(s->enqueue(std::vector<new_job>{first}, 1s));
    auto got = s->exchange({}, looks);
    ASSERT_EQ(got->claimed.size(), 1U);
    EXPECT_EQ(got->claimed[0].queue, name);
  }
}

}  // namespace sm
