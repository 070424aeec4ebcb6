// A slot performs what is ready, whatever the performing or the telling throws.
#include "queue/consumer/slot.hpp"

#include <gtest/gtest.h>

#include "log/process_log.hpp"

namespace sm {
namespace {

class scripted_runner : public job_runner {
 public:
  performance run(job_in_hand& job, double) override {
    performed.push_back(job.what.payload);
    if (job.what.payload == "throws") throw std::bad_alloc();
    performance p;
    p.outcome.tag = job.what.tag;
    p.outcome.how = job_outcome::kind::done;
    return p;
  }
  std::vector<std::string> performed;
};

class slot_fixture : public ::testing::Test {
 protected:
  consumer_shared::entry_ptr ready(std::int64_t number, const std::string& payload) {
    delivery d;
    d.tag = {number, 0};
    d.queue = "q";
    d.payload = payload;
    auto e = std::make_shared<consumer_shared::entry>(d);
    shared->in_hand.emplace(d.tag, e);
    shared->ready.push_back(e);
    return e;
  }
  /// Performs what is ready and returns.
  void run() {
    shared->stopping = true;
    slot(shared).run();
  }
  static consumer_options with(std::shared_ptr<job_runner> runner) {
    consumer_options o;
    o.runner = std::move(runner);
    return o;
  }
  consumer_callbacks told() {
    consumer_callbacks c;
    c.on_event = [this](const job_event& e) {
      events.push_back(e.what);
      throw 1;
    };
    return c;
  }

  std::vector<std::string> events;
  std::shared_ptr<scripted_runner> runner = std::make_shared<scripted_runner>();
  std::shared_ptr<consumer_shared> shared = std::make_shared<consumer_shared>(
      with(runner), std::make_shared<job_registry>(),
      open_log({.file = {}, .instance = {}, .level = "error"}), told());
};

}  // namespace

TEST_F(slot_fixture, what_the_performing_or_the_telling_throws_keeps_no_other_job_from_its_turn) {
  auto first = ready(1, "throws"), second = ready(2, "fine");
  run();
  EXPECT_EQ(runner->performed, (std::vector<std::string>{"throws", "fine"}));
  EXPECT_EQ(events.size(), 2U);
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

}  // namespace sm
