// What every store must do: each test runs on SQLite and on a redis-server of its own. Here: jobs
// on their way through; the other files of this name have the rest, by theme.
#include <future>

#include "job_store_fixture.hpp"
#include "queue/job_status.hpp"

namespace sm {

INSTANTIATE_TEST_SUITE_P(on, job_store_fixture, ::testing::Values("sqlite", "redis"),
                         [](auto& p) { return std::string(p.param); });

TEST_P(job_store_fixture, jobs_come_out_in_the_order_they_went_in_with_their_bytes) {
  auto s = open();
  std::string bytes("{\"class\" : \"X\",\"args\":[\"h\xc3\xa9\\/\"] }");
  put(*s, {{.id = "1", .queue = "q", .payload = bytes}, job("2")});
  put(*s, {job("3")});
  auto got = take(*s, claim(10));
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].payload, bytes);
  EXPECT_EQ(got[0].attempt(), 1U);
  EXPECT_EQ(ids({got[1], got[2]}), (id_list{"2", "3"}));
  EXPECT_TRUE(take(*s, claim(10)).empty());
}

TEST_P(job_store_fixture, payloads_may_hold_any_bytes) {
  auto s = open();
  std::string bytes("no \0 JSON\n\r\n\xff", 13);
  put(*s, {{.id = "x", .queue = "q", .payload = bytes}});
  auto got = take(*s, claim(1));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].payload, bytes);
  EXPECT_EQ(end(*s, got[0], kind::failed_dead), 1U);
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->jobs.size(), 1U);
  EXPECT_EQ(dead->jobs.front().payload, bytes);
  EXPECT_TRUE(requeue(*s, dead->jobs.front()));
  EXPECT_EQ(take(*s, claim(1)).at(0).payload, bytes);
}

TEST_P(job_store_fixture, queues_are_served_by_priority_globs_and_exclusions) {
  auto s = open();
  put(*s, {job("l", "low"), job("h", "high"), job("o", "other"), job("m", "mail_1")});
  EXPECT_EQ(ids(take(*s, claim(10, {"high", "low"}))), (id_list{"h", "l"}));
  EXPECT_EQ(ids(take(*s, claim(10, {"*", "!mail_*"}))), (id_list{"o"}));
  EXPECT_EQ(ids(take(*s, claim(10, {"mail_?"}))), (id_list{"m"}));
}

TEST_P(job_store_fixture, a_batch_is_stored_in_order_across_queues_and_many_calls) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 5'000; ++i) jobs.push_back(job(std::to_string(i), i % 7 == 0 ? "b" : "a"));
  put(*s, jobs);
  EXPECT_EQ(counts_of(*s, "a").ready + counts_of(*s, "b").ready, 5'000U);
  int last = -1;
  for (auto& d : take(*s, claim(5'000, {"a"}))) {
    auto number = std::stoi(key_of_job(d.payload));
    EXPECT_GT(number, last);
    last = number;
  }
}

TEST_P(job_store_fixture, a_job_that_is_done_is_gone_and_one_that_is_dead_is_kept_with_its_error) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto got = take(*s, claim(2));
  std::vector<job_outcome> both{outcome(got[0], kind::done), outcome(got[1], kind::failed_dead)};
  auto ended = s->exchange(both, claim(0));
  ASSERT_TRUE(ended) << to_string(ended.error());
  EXPECT_EQ(ended->accepted, 2U);
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->jobs.size(), 1U);
  auto& d = dead->jobs.front();
  EXPECT_EQ(d.id, "2");
  EXPECT_EQ(d.payload, job("2").payload);
  EXPECT_EQ(d.exception, "std::exception");
  EXPECT_EQ(d.error, "boom");
  EXPECT_EQ(d.worker, worker);
  EXPECT_NEAR(static_cast<double>(d.failed_at_ms), static_cast<double>(now_ms()), 5'000);
  auto totals = s->totals();
  EXPECT_EQ(totals->processed, 2U);
  EXPECT_EQ(totals->failed, 1U);
  EXPECT_EQ(totals->dead, 1U);
  EXPECT_EQ(counts_of(*s, "q").running, 0U);
}

TEST_P(job_store_fixture, a_progress_that_comes_late_does_not_undo_the_end) {
  auto s = open();
  auto j = job("1");
  j.status = encode_status({.type = "T"});
  put(*s, {j});
  auto o = outcome(take(*s, claim(1)).at(0), kind::done);
  o.status = encode_status({.status = job_status::phase::complete, .result = 7});
  EXPECT_EQ(s->exchange(std::vector<job_outcome>{o}, claim(0))->accepted, 1U);
  std::vector<std::pair<job_id, std::string>> late{
      {"1", encode_status({.status = job_status::phase::running, .share = 0.9})}};
  ASSERT_TRUE(s->put_status(late));
  EXPECT_EQ(decode_status(*s->status("1")).result, 7);
}

TEST_P(job_store_fixture, an_id_given_twice_is_one_job_even_after_it_is_done) {
  auto s = open();
  auto first = job("same");
  first.lock = "id:same";
  first.lock_for = 1h;
  put(*s, {first});
  EXPECT_EQ(end(*s, take(*s, claim(1)).at(0), kind::done), 1U);
  auto again = s->enqueue(std::vector<new_job>{job("a"), first, job("b")}, 1s);
  ASSERT_EQ(again->size(), 1U);
  EXPECT_EQ(again->front().index, 1U);
  EXPECT_EQ(again->front().id, "same");
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"a", "b"}));
}

TEST_P(job_store_fixture, a_unique_job_frees_its_key_when_it_ends_or_when_told_to) {
  auto s = open();
  auto unique = [](const job_id& id) {
    auto j = job(id);
    j.lock = "unique:k";
    j.lock_for = 1h;
    return j;
  };
  put(*s, {unique("1")});
  auto refused = s->enqueue(std::vector<new_job>{unique("2")}, 1s);
  ASSERT_EQ(refused->size(), 1U);
  EXPECT_EQ(refused->front().id, "1");
  auto o = outcome(take(*s, claim(1)).at(0), kind::done);
  o.lock = "unique:k";
  EXPECT_EQ(s->exchange(std::vector<job_outcome>{o}, claim(0))->accepted, 1U);
  put(*s, {unique("3")});
  ASSERT_TRUE(s->release_lock("unique:k", "somebody else"));
  EXPECT_EQ(s->enqueue(std::vector<new_job>{unique("4")}, 1s)->size(), 1U);
  ASSERT_TRUE(s->release_lock("unique:k", "3"));
  put(*s, {unique("5")});
}

TEST_P(job_store_fixture, a_tracked_job_has_a_status_from_the_begin_until_after_its_end) {
  auto s = open();
  auto tracked = job("t");
  tracked.status = encode_status({.updated_s = 1, .started_s = 1, .type = "T", .queue = "q"});
  put(*s, {job("u"), tracked});
  EXPECT_EQ(decode_status(*s->status("t")).status, job_status::phase::waiting);
  EXPECT_EQ(*s->status("u"), "");
  auto got = take(*s, claim(2));
  EXPECT_EQ(got[0].status, "");
  EXPECT_EQ(decode_status(got[1].status).type, "T");
  std::vector<std::pair<job_id, std::string>> running{
      {"t", encode_status({.status = job_status::phase::running, .share = 0.5, .text = "half"})},
      {"u", encode_status({.status = job_status::phase::running})}};
  ASSERT_TRUE(s->put_status(running));
  EXPECT_EQ(decode_status(*s->status("t")).text, "half");
  EXPECT_EQ(*s->status("u"), "") << "only who is tracked has a status";
  auto o = outcome(got[1], kind::done);
  o.status = encode_status({.status = job_status::phase::complete, .result = {{"sum", 3}}});
  EXPECT_EQ(s->exchange(std::vector<job_outcome>{o}, claim(0))->accepted, 1U);
  EXPECT_EQ(decode_status(*s->status("t")).result["sum"], 3);
}

TEST_P(job_store_fixture, a_waiter_wakes_for_a_job_and_for_an_interruption) {
  auto s = open(), producer = open();
  auto waiter = s->make_waiter();
  put(*producer, {job("first")});  // the queue is known
  EXPECT_EQ(take(*s, claim(1)).size(), 1U);
  waiter->watch({"q"});
  EXPECT_TRUE(take(*s, claim(1)).empty());
  auto waited = [&] {
    auto begin = std::chrono::steady_clock::now();
    waiter->wait(10s);
    return std::chrono::steady_clock::now() - begin;
  };
  auto woken = std::async(std::launch::async, waited);
  put(*producer, {job("second")});
  EXPECT_LT(woken.get(), 5s);
  EXPECT_EQ(ids(take(*s, claim(1))), (id_list{"second"}));
  waiter->unwatch();
  waiter->interrupt();
  EXPECT_LT(waited(), 5s);
}

TEST_P(job_store_fixture, an_argument_with_an_id_is_not_the_jobs) {
  auto s = open();
  auto named = job("named");
  named.payload = R"({"id":"named","class":"T","args":[{"id":"argument"}]})";
  named.status = encode_status({.updated_s = 1});
  auto argument = job("argument");
  argument.status = encode_status({.updated_s = 2});
  std::string nameless = R"({"class":"T","args":[{"id":"argument"},{"id":"x"}]})";
  put(*s, {named, argument, {.id = sha1_hex(nameless), .queue = "q", .payload = nameless}});
  auto got = take(*s, claim(10));
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(decode_status(got[0].status).updated_s, 1);
  EXPECT_EQ(decode_status(got[1].status).updated_s, 2);
  EXPECT_EQ(got[2].status, "");
}

TEST_P(job_store_fixture, a_wish_to_cancel_is_not_meant_for_a_later_job_of_that_id) {
  auto s = open();
  ASSERT_TRUE(s->request_cancel("1"));  // it ended just before
  auto j = job("1");
  j.lock = "id:1";
  j.lock_for = 1h;
  put(*s, {j});
  EXPECT_TRUE(s->cancel_requests()->empty());
}

TEST(job_store, a_url_of_no_known_scheme_is_refused) {
  auto store = open_job_store("ftp://user:secret@x", {});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().detail.find("ftp://x"), std::string::npos) << store.error().detail;
}

}  // namespace sm
