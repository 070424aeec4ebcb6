#include "manager/calls.hpp"

#include "fake_manager.hpp"
#include "fake_service.hpp"
#include "telemetry/span.hpp"

namespace sm {
namespace {

using namespace std::chrono_literals;
using test::fake_service;
using test::outcome_of;
using test::turn_until;

const call status{.target = "web", .command = "status", .arguments = "null"};

class calls_fixture : public ::testing::Test {
 protected:
  calls_fixture() {
    for (auto* s : {&a, &b}) all.attach(s->link(), s->handle(), "web:0");
  }

  link_config config;
  loop events;
  calls all{events, config};
  fake_service a{events, *test::shared_caf().system, 1};
  fake_service b{events, *test::shared_caf().system, 2};
};

}  // namespace

TEST_F(calls_fixture, commands_of_one_turn_travel_as_one_message) {
  auto one = start_call(all, 1, status, 1s);
  auto two = start_call(all, 1, {.command = "other"}, 1s);
  auto three = start_call(all, 2, status, 1s);
  ASSERT_TRUE(
      turn_until(events, [&] { return a.commands().size() == 2 && b.commands().size() == 1; }));
  EXPECT_EQ(a.batches.size(), 1U);
  EXPECT_EQ(a.commands()[0].name, "status");
  EXPECT_EQ(a.commands()[1].name, "other");
  // Their answers may come in any order.
  a.answer(all, a.commands()[1], "2");
  a.answer(all, a.commands()[0], "1");
  EXPECT_EQ(outcome_of(events, one)->text, "1");
  EXPECT_EQ(outcome_of(events, two)->text, "2");
}

TEST_F(calls_fixture, a_command_belongs_to_the_trace_of_who_asks) {
  auto trace = *read_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  std::vector<span> recorded;
  record_spans_with([&](const span& s) { recorded.push_back(s); });
  auto forget = std::unique_ptr<void, void (*)(void*)>(this, [](void*) { record_spans_with({}); });
  promise<json_text> sent, all_sent, unsampled;
  {
    trace_scope of_who_asks(trace);
    sent = start_call(all, 1, {.command = "one"}, 1s);
    all_sent = start_gather(all, {{"a", 1, {}}, {"b", 2, {}}}, {.command = "each"}, 1s);
    trace.sampled = false;
    trace_scope quiet(trace);
    unsampled = start_call(all, 2, {.command = "quiet"}, 1s);
  }
  ASSERT_TRUE(
      turn_until(events, [&] { return a.commands().size() == 2 && b.commands().size() == 2; }));
  auto first = a.commands()[0].trace;
  EXPECT_EQ(first.trace_id(), trace.trace_id());
  EXPECT_NE(first.span, trace.span);
  EXPECT_EQ(b.commands()[1].trace, trace);  // of which nothing is recorded
  a.answer(all, a.commands()[0], "1");
  a.answer(all, a.commands()[1], "2");
  b.answer(all, b.commands()[1], "3");
  all.detach(2, {errc::not_running, "gone", {}});
  ASSERT_EQ(recorded.size(), 3U);
  EXPECT_EQ(recorded[0].place, first);
  EXPECT_EQ(recorded[0].parent, trace.span);
  EXPECT_FALSE(recorded[1].failed);
  EXPECT_EQ(recorded[2].failure, "not_running");
}

TEST_F(calls_fixture, a_late_answer_finds_nobody_and_a_second_one_neither) {
  auto answer = start_call(all, 1, status, 1ms);
  EXPECT_EQ(outcome_of(events, answer).error().code, errc::timeout);
  auto late = a.commands().front();
  a.answer(all, late, "1");
  all.on_pong(1);
  // The next call may get the same place in the table, and must not get that answer.
  auto next = start_call(all, 1, status, 1s);
  ASSERT_TRUE(turn_until(events, [&] { return a.commands().size() == 2; }));
  a.answer(all, late, "wrong");
  a.answer(all, a.commands()[1], "right");
  a.answer(all, a.commands()[1], "again");
  EXPECT_EQ(outcome_of(events, next)->text, "right");
}

TEST_F(calls_fixture, who_owes_an_overdue_answer_is_not_asked_again_until_it_answers_a_ping) {
  EXPECT_EQ(outcome_of(events, start_call(all, 1, status, 1ms)).error().code, errc::timeout);
  EXPECT_TRUE(all.overdue(1));
  EXPECT_FALSE(all.overdue(2));
  ASSERT_TRUE(turn_until(events, [&] { return a.pings == 1; })) << "it is pinged once";
  auto refused = start_call(all, 1, status, 10s);
  EXPECT_EQ(outcome_of(events, refused).error().code, errc::timeout) << "at once";
  EXPECT_EQ(a.commands().size(), 1U);
  all.on_pong(1);
  EXPECT_FALSE(all.overdue(1));
  auto asked = start_call(all, 1, status, 10s);
  ASSERT_TRUE(turn_until(events, [&] { return a.commands().size() == 2; }));
  a.answer(all, a.commands()[1], "1");
  EXPECT_TRUE(outcome_of(events, asked));
}

TEST_F(calls_fixture, what_a_lost_process_owes_fails_at_once) {
  auto answer = start_call(all, 1, status, 10s);
  all.detach(1, {errc::not_running, "web:0 ended", "web:0"});
  auto outcome = outcome_of(events, answer);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), (error{errc::not_running, "web:0 ended", "web:0"}));
  EXPECT_EQ(outcome_of(events, start_call(all, 1, status, 10s)).error().code, errc::not_running);
}

TEST_F(calls_fixture, beyond_its_bounds_a_process_is_overloaded) {
  config.commands_max = 2;
  std::vector<promise<json_text>> open{start_call(all, 1, status, 10s),
                                       start_call(all, 1, status, 10s)};
  EXPECT_EQ(outcome_of(events, start_call(all, 1, status, 10s)).error().code, errc::overloaded);
  auto other = start_call(all, 2, status, 10s);
  ASSERT_TRUE(
      turn_until(events, [&] { return a.commands().size() == 2 && b.commands().size() == 1; }));
  a.answer(all, a.commands()[0], "1");
  config.bytes_max = 100;
  auto large = status;
  large.arguments.assign(100, ' ');
  EXPECT_EQ(outcome_of(events, start_call(all, 1, large, 10s)).error().code, errc::overloaded);
}

TEST_F(calls_fixture, a_gather_names_everybody_and_ends_on_time) {
  auto gathered = start_gather(
      all, {{"web:0", 1, {}}, {"web:1", 2, {}}, {"old", 0, {errc::not_running, "STOPPED", {}}}},
      status, 50ms);
  ASSERT_TRUE(
      turn_until(events, [&] { return a.commands().size() == 1 && b.commands().size() == 1; }));
  a.answer(all, a.commands()[0], R"({"n":1})");
  auto outcome = outcome_of(events, gathered);
  ASSERT_TRUE(outcome);
  auto document = parse_json(outcome->text).value();
  EXPECT_EQ(document["complete"], false);
  EXPECT_EQ(document["results"]["web:0"]["result"]["n"], 1);
  EXPECT_EQ(document["results"]["web:1"]["error"]["code"], "timeout");
  EXPECT_EQ(document["results"]["old"]["error"]["code"], "not_running");
  EXPECT_EQ(document["results"]["old"]["error"]["detail"], "STOPPED");
}

TEST_F(calls_fixture, a_gather_is_complete_when_all_answered) {
  auto gathered = start_gather(all, {{"web:0", 1, {}}, {"web:1", 2, {}}}, status, 10s);
  ASSERT_TRUE(
      turn_until(events, [&] { return a.commands().size() == 1 && b.commands().size() == 1; }));
  b.answer(all, b.commands()[0], "2");
  a.answer(all, a.commands()[0], "1");
  auto document = parse_json(outcome_of(events, gathered)->text).value();
  EXPECT_EQ(document["complete"], true);
  EXPECT_EQ(document["results"]["web:1"]["result"], 2);
  auto nobody = parse_json(outcome_of(events, start_gather(all, {}, status, 10s))->text).value();
  EXPECT_EQ(nobody, (json{{"complete", true}, {"results", json::object()}}));
}

}  // namespace sm
