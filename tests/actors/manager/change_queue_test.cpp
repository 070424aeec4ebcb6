#include "manager/change_queue.hpp"

#include <gtest/gtest.h>

#include "fake_journal.hpp"

namespace sm {
namespace {

/// Knows one service, and carries out what it is told.
class fake_executor : public change_queue::executor {
 public:
  result<desired_service> decide(const desired_change& c) override {
    return apply({.wanted = there ? &*there : nullptr}, c);
  }
  bool is_present(const desired_service& wanted) const override { return there == wanted; }
  void undecide(const std::string& service) override { undecided.push_back(service); }
  void carry_out(asked_change c, const desired_service& wanted) override {
    there = wanted;
    carried_out.emplace_back(word_of(c.what));
    c.done.set_value({});
    if (then) std::exchange(then, nullptr)();
  }

  std::optional<desired_service> there;
  std::vector<std::string> carried_out, undecided;
  std::function<void()> then;
};

std::optional<error> error_of(const promise<json>& p) {
  std::optional<error> found;
  p.then([&](result<json> r) {
    if (!r) found = r.error();
  });
  return found;
}

class change_queue_fixture : public ::testing::Test {
 protected:
  using words = std::vector<std::string>;

  test::fake_journal journal;
  fake_executor to;
  change_queue changes{journal, to};
};

const add_service web = addition({{"name", "web"}, {"type", "demo"}});

}  // namespace

TEST_F(change_queue_fixture, nothing_is_carried_out_before_it_is_written) {
  changes.submit(web);
  EXPECT_EQ(to.carried_out, words{});
  journal.write();
  EXPECT_EQ(to.carried_out, words{"add"});
  EXPECT_EQ(journal.written.size(), 1U);
}

TEST_F(change_queue_fixture, each_change_is_decided_upon_the_outcome_of_the_one_before) {
  changes.submit(web);
  changes.submit(scale_service{"web", "+1"});
  changes.submit(scale_service{"web", "+1"});
  EXPECT_EQ(journal.waiting.size(), 1U) << "one after the other";
  for (int i = 0; i < 3; ++i) journal.write();
  EXPECT_EQ(to.there->spec.instances, 3U);
}

TEST_F(change_queue_fixture, what_is_there_already_is_carried_out_without_writing) {
  changes.submit(web);
  journal.write();
  changes.submit(restart_service{"web"});
  EXPECT_EQ(to.carried_out, (words{"add", "restart"}));
  EXPECT_TRUE(journal.waiting.empty());
}

TEST_F(change_queue_fixture, what_cannot_be_written_changes_nothing_and_stops_nobody) {
  auto refused = changes.submit(web);
  changes.submit(web);
  journal.write(fail(errc::unavailable, "disk full"));
  EXPECT_EQ(error_of(refused)->code, errc::unavailable);
  EXPECT_EQ(to.undecided, words{"web"});
  journal.write();
  EXPECT_EQ(to.carried_out, words{"add"});
}

TEST_F(change_queue_fixture, a_refused_change_lets_the_next_one_pass) {
  auto refused = changes.submit(stop_service{"web"});
  changes.submit(web);
  EXPECT_EQ(error_of(refused)->code, errc::unknown_service);
  EXPECT_EQ(journal.waiting.size(), 1U);
}

TEST_F(change_queue_fixture, who_carries_out_may_ask_for_the_next_change) {
  to.then = [&] { changes.submit(scale_service{"web", 5}); };
  changes.submit(web);
  journal.write();
  ASSERT_EQ(journal.waiting.size(), 1U);
  journal.write();
  EXPECT_EQ(to.there->spec.instances, 5U);
}

TEST_F(change_queue_fixture, a_held_service_waits_for_its_release) {
  changes.hold("web");
  changes.submit(web);
  EXPECT_TRUE(journal.waiting.empty());
  changes.release("web");
  EXPECT_EQ(journal.waiting.size(), 1U);
}

TEST_F(change_queue_fixture, once_closed_it_refuses_what_waits_and_what_comes) {
  changes.submit(web);
  auto waits = changes.submit(stop_service{"web"});
  changes.close();
  auto late = changes.submit(web);
  EXPECT_EQ(error_of(waits)->code, errc::shutting_down);
  EXPECT_EQ(error_of(late)->code, errc::shutting_down);
}

}  // namespace sm
