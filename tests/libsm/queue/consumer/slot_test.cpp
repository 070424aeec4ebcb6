// A slot performs what is ready, whatever the performing or the telling throws.
#include "queue/consumer/slot.hpp"

#include "consumer_fixture.hpp"

namespace sm::test {

class slot_fixture : public consumer_fixture {
 protected:
  /// Performs what is ready and returns.
  void run() {
    shared->stopping = true;
    slot(shared).run();
  }
};

TEST_F(slot_fixture, what_the_performing_or_the_telling_throws_keeps_no_other_job_from_its_turn) {
  auto first = ready(1, "throws"), second = ready(2, "fine");
  int events = 0;
  on_event = [&](auto&) {
    ++events;
    throw 1;
  };
  run();
  EXPECT_EQ(runner->performed, (std::vector<std::string>{"throws", "fine"}));
  EXPECT_EQ(events, 2);
  ASSERT_EQ(shared->outcomes.size(), 2U);
  EXPECT_NE(shared->outcomes[0].how, job_outcome::kind::done);
  EXPECT_EQ(shared->outcomes[1].how, job_outcome::kind::done);
  EXPECT_TRUE(first->ended && second->ended);
}

TEST_F(slot_fixture, what_was_given_up_before_it_began_is_not_performed) {
  ready(1, "fine")->ended = true;
  run();
  EXPECT_TRUE(runner->performed.empty());
  EXPECT_TRUE(shared->outcomes.empty());
}

}  // namespace sm::test
