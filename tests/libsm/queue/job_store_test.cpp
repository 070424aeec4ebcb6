// What every store must do: each test runs on SQLite and on a redis-server of its own.
#include "queue/job_store.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <set>
#include <sstream>
#include <thread>

#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "redis_server.hpp"
#include "store/sqlite.hpp"
#include "temporary_folder.hpp"

namespace sm {
using namespace std::chrono_literals;
using std::chrono::milliseconds;
namespace {

using kind = job_outcome::kind;
using id_list = std::vector<job_id>;

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

new_job job(const job_id& id, const std::string& queue = "q") {
  return {.id = id,
          .queue = queue,
          .payload = encode_payload({.type = "T", .args = json::array({1}), .id = id})};
}

class job_store_fixture : public ::testing::TestWithParam<const char*> {
 protected:
  job_store_fixture() {
    if (std::string_view(GetParam()) == "redis") redis_.emplace();
  }

  std::string url() const { return redis_ ? redis_->url() : "sqlite:" + file().string(); }
  std::filesystem::path file() const { return folder_.path() / "queue.db"; }
  std::unique_ptr<job_store> open(queue_config config = {.enqueue_timeout = 2s}) {
    auto store = open_job_store(url(), config);
    EXPECT_TRUE(store) << to_string(store.error());
    return std::move(*store);
  }
  static claim_request claim(unsigned max, std::vector<std::string> queues = {"*"},
                             milliseconds lease = 30s) {
    return {.worker = worker, .queues = std::move(queues), .max = max, .lease = lease};
  }
  static std::vector<delivery> take(job_store& s, const claim_request& rq) {
    auto got = s.exchange({}, rq);
    EXPECT_TRUE(got) << to_string(got.error());
    return got ? std::move(got->claimed) : std::vector<delivery>{};
  }
  static void put(job_store& s, const std::vector<new_job>& jobs) {
    auto stored = s.enqueue(jobs, 5s);
    ASSERT_TRUE(stored) << to_string(stored.error());
    EXPECT_TRUE(stored->empty());
  }
  static job_outcome outcome(const delivery& d, kind how) {
    return {.tag = d.tag,
            .queue = d.queue,
            .how = how,
            .exception = how == kind::done ? "" : "std::exception",
            .text = how == kind::done ? "" : "boom",
            .payload = d.payload,
            .id = key_of_job(d.payload)};
  }
  /// Ends `d`; how many of it were accepted.
  static std::size_t end(job_store& s, const delivery& d, kind how, std::int64_t retry_at = 0) {
    auto o = outcome(d, how);
    o.retry_at_ms = retry_at;
    auto ended = s.exchange(std::vector<job_outcome>{o}, claim(0));
    EXPECT_TRUE(ended) << to_string(ended.error());
    return ended ? ended->accepted : 99;
  }
  static id_list ids(const std::vector<delivery>& list) {
    id_list out;
    for (auto& d : list) out.push_back(key_of_job(d.payload));
    return out;
  }
  static id_list ids(const std::vector<job_view>& list) {
    id_list out;
    for (auto& v : list) out.push_back(v.id);
    return out;
  }
  static queue_counts counts_of(job_store& s, const std::string& queue) {
    auto all = s.counts();
    EXPECT_TRUE(all) << to_string(all.error());
    for (auto& c : *all)
      if (c.queue == queue) return c;
    return {};
  }

  static constexpr const char* worker = "host:1:*";
  std::optional<test::redis_server> redis_;
  test::temporary_folder folder_;
};

}  // namespace

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
  ASSERT_EQ(dead->size(), 1U);
  EXPECT_EQ(dead->front().payload, bytes);
  EXPECT_TRUE(*s->requeue(dead->front()));
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
  ASSERT_EQ(dead->size(), 1U);
  auto& d = dead->front();
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

TEST_P(job_store_fixture, a_lease_that_ran_out_makes_the_job_ready_and_fences_its_former_holder) {
  auto s = open();
  put(*s, {job("1")});
  auto first = take(*s, claim(1, {"*"}, 0ms));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(*s->reap(), 1U);
  auto second = take(*s, claim(1));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0].attempt(), 2U);
  for (auto how :
       {kind::done, kind::failed_dead, kind::failed_retry, kind::returned, kind::cancelled})
    EXPECT_EQ(end(*s, first[0], how), 0U);
  EXPECT_EQ(s->totals()->processed, 0U);
  EXPECT_EQ(end(*s, second[0], kind::done), 1U);
  EXPECT_EQ(end(*s, second[0], kind::done), 0U);
}

TEST_P(job_store_fixture, a_renewed_lease_holds_and_a_lost_one_is_reported) {
  auto s = open();
  put(*s, {job("1")});
  auto got = take(*s, claim(1, {"*"}, 0ms));
  EXPECT_TRUE(s->renew(got, 30s)->empty());
  EXPECT_EQ(*s->reap(), 0U);
  EXPECT_EQ(*s->release(worker), 1U);
  EXPECT_EQ(*s->renew(got, 30s), std::vector<delivery_tag>{got[0].tag});
}

TEST_P(job_store_fixture, what_a_dead_worker_had_in_hand_stands_at_the_head_in_its_old_order) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3"), job("4")});
  auto mine = claim(1);
  mine.worker = "other:2:*";
  auto other = take(*s, mine);
  EXPECT_EQ(take(*s, claim(2)).size(), 2U);
  EXPECT_EQ(*s->release(worker), 2U);
  EXPECT_EQ(ids(*s->jobs(job_state::ready, "q", 0, 10)), (id_list{"2", "3", "4"}));
  EXPECT_EQ(end(*s, other[0], kind::done), 1U) << "the other worker's job is untouched";
}

TEST_P(job_store_fixture, a_job_that_takes_its_consumer_with_it_again_and_again_is_dead) {
  auto s = open();
  put(*s, {job("1")});
  for (unsigned i = 1; i <= crashes_max; ++i) {
    auto got = take(*s, claim(10));
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(got[0].crashes, i - 1);
    EXPECT_EQ(*s->release(worker), 1U);
  }
  EXPECT_TRUE(take(*s, claim(10)).empty());
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->size(), 1U);
  EXPECT_EQ(dead->front().exception, "sm::LeaseExpired");
  EXPECT_EQ(s->totals()->failed, 1U);
}

TEST_P(job_store_fixture, a_job_that_crashed_consumers_comes_alone_and_takes_no_other_with_it) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3")});
  EXPECT_EQ(take(*s, claim(2)).size(), 2U);
  EXPECT_EQ(*s->release(worker), 2U);
  EXPECT_EQ(take(*s, claim(2)).size(), 2U) << "once may be chance";
  EXPECT_EQ(*s->release(worker), 2U);
  auto busy = claim(10);
  busy.alone = false;
  auto kept = s->exchange({}, busy);
  EXPECT_TRUE(kept->claimed.empty());
  EXPECT_TRUE(kept->suspect_waits);
  auto first = take(*s, claim(10));
  EXPECT_EQ(ids(first), (id_list{"1"}));
  EXPECT_EQ(end(*s, first[0], kind::done), 1U);
  busy.pass_suspects = true;
  std::vector<delivery> passed;
  for (int i = 0; i < 2 && passed.empty(); ++i) passed = take(*s, busy);
  EXPECT_EQ(ids(passed), (id_list{"3"})) << "others need not wait for ever";
  auto second = take(*s, claim(10));
  EXPECT_EQ(ids(second), (id_list{"2"}));
  EXPECT_EQ(second.at(0).crashes, 2U);
  EXPECT_EQ(end(*s, second[0], kind::done), 1U);
}

TEST_P(job_store_fixture, a_job_that_dies_by_crashes_frees_its_key_and_its_status_says_so) {
  auto s = open();
  auto j = job("1");
  j.payload =
      encode_payload({.type = "T", .args = json::array({1}), .id = "1", .lock = "unique:k"});
  j.lock = "unique:k";
  j.lock_for = 1h;
  j.status = encode_status({.type = "T"});
  put(*s, {j});
  for (unsigned i = 0; i < crashes_max; ++i) {
    ASSERT_EQ(take(*s, claim(1)).size(), 1U);
    EXPECT_EQ(*s->release(worker), 1U);
  }
  EXPECT_EQ(decode_status(*s->status("1")).status, job_status::phase::failed);
  auto next = job("2");
  next.lock = "unique:k";
  next.lock_for = 1h;
  put(*s, {next});
}

TEST_P(job_store_fixture, a_wish_to_cancel_does_not_outlive_the_job) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto got = take(*s, claim(2));
  ASSERT_TRUE(s->request_cancel("1"));
  ASSERT_TRUE(s->request_cancel("2"));
  EXPECT_EQ(end(*s, got[0], kind::failed_dead), 1U);
  EXPECT_EQ(end(*s, got[1], kind::done), 1U);
  EXPECT_TRUE(s->cancel_requests()->empty());
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

TEST_P(job_store_fixture, jobs_that_are_handed_back_are_unharmed_and_uncounted) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto got = take(*s, claim(2));
  std::vector<job_outcome> both{outcome(got[1], kind::returned), outcome(got[0], kind::returned)};
  EXPECT_EQ(s->exchange(both, claim(0))->accepted, 2U);
  got = take(*s, claim(2));
  EXPECT_EQ(ids(got), (id_list{"1", "2"}));
  EXPECT_EQ(got[0].attempt(), 1U);
  EXPECT_EQ(s->totals()->processed, 0U);
}

TEST_P(job_store_fixture, a_failed_job_waits_for_its_next_attempt_which_is_counted) {
  auto s = open();
  put(*s, {job("1")});
  auto got = take(*s, claim(1));
  EXPECT_EQ(end(*s, got[0], kind::failed_retry, now_ms() + 60'000), 1U);
  EXPECT_TRUE(take(*s, claim(1)).empty());
  auto waiting = s->jobs(job_state::delayed, "", 0, 10);
  ASSERT_EQ(ids(*waiting), (id_list{"1"}));
  EXPECT_NEAR(static_cast<double>(*s->move_due()), static_cast<double>(now_ms() + 60'000), 5'000);
  EXPECT_TRUE(*s->remove(waiting->front()));

  put(*s, {job("2")});
  got = take(*s, claim(1));
  EXPECT_EQ(end(*s, got[0], kind::failed_retry, now_ms() - 1), 1U);
  auto next = s->move_due();
  ASSERT_TRUE(next) << to_string(next.error());
  EXPECT_EQ(*next, 0);
  got = take(*s, claim(1));
  ASSERT_EQ(ids(got), (id_list{"2"}));
  EXPECT_EQ(got[0].failures, 1U);
  EXPECT_EQ(got[0].crashes, 0U);
  EXPECT_EQ(got[0].payload, job("2").payload);
  EXPECT_EQ(end(*s, got[0], kind::done), 1U);
}

TEST_P(job_store_fixture, a_delayed_job_is_ready_when_it_is_due) {
  auto s = open();
  auto later = job("later"), soon = job("soon");
  later.run_at_ms = now_ms() + 3'600'000;
  soon.run_at_ms = now_ms() + 150;
  put(*s, {later, soon, job("now")});
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"now"}));
  EXPECT_EQ(*s->move_due(), soon.run_at_ms);
  EXPECT_EQ(counts_of(*s, "q").delayed, 2U);
  auto clock = s->make_clock_waiter();
  clock->watch({});
  while (now_ms() < soon.run_at_ms) clock->wait(milliseconds(soon.run_at_ms - now_ms() + 1));
  EXPECT_EQ(*s->move_due(), later.run_at_ms);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"soon"}));
}

TEST_P(job_store_fixture, a_delayed_job_wakes_the_clock) {
  auto s = open(), producer = open();
  auto clock = s->make_clock_waiter();
  clock->watch({});
  clock->wait(1ms);
  auto later = job("later");
  later.run_at_ms = now_ms() + 3'600'000;
  auto woken = std::async(std::launch::async, [&] {
    auto begin = std::chrono::steady_clock::now();
    clock->wait(10s);
    return std::chrono::steady_clock::now() - begin;
  });
  put(*producer, {later});
  EXPECT_LT(woken.get(), 5s);
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

TEST_P(job_store_fixture, a_key_is_free_when_its_time_is_over) {
  auto s = open();
  auto a = job("a"), b = job("b");
  a.lock = b.lock = "unique:k";
  a.lock_for = b.lock_for = 30ms;
  put(*s, {a});
  auto until = now_ms() + 60;
  auto clock = s->make_clock_waiter();
  clock->watch({});
  while (now_ms() < until) clock->wait(milliseconds(until - now_ms()));
  put(*s, {b});
  ASSERT_TRUE(s->tidy());
}

TEST_P(job_store_fixture, a_paused_queue_keeps_its_jobs_and_so_do_all_when_all_are_paused) {
  auto s = open();
  put(*s, {job("1", "a"), job("2", "b")});
  ASSERT_TRUE(s->pause("a", true));
  auto got = s->exchange({}, claim(10));
  EXPECT_EQ(ids(got->claimed), (id_list{"2"}));
  EXPECT_EQ(got->held_back, (std::vector<std::string>{"a"}));
  EXPECT_TRUE(counts_of(*s, "a").paused);
  ASSERT_TRUE(s->pause("a", false));
  ASSERT_TRUE(s->pause("", true));
  EXPECT_TRUE(take(*s, claim(10)).empty());
  EXPECT_TRUE(s->totals()->paused);
  ASSERT_TRUE(s->pause("", false));
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"1"}));
}

TEST_P(job_store_fixture, a_queue_runs_no_more_jobs_at_a_time_than_its_limit_over_all_workers) {
  auto s = open(), other = open();
  put(*s, {job("1"), job("2"), job("3")});
  ASSERT_TRUE(s->put_limits("q", {.concurrency = 2}));
  auto first = take(*s, claim(1));
  auto rq = claim(10);
  rq.worker = "other:2:*";
  auto second = other->exchange({}, rq);
  EXPECT_EQ(ids(second->claimed), (id_list{"2"}));
  auto none = other->exchange({}, rq);
  EXPECT_TRUE(none->claimed.empty());
  EXPECT_EQ(none->held_back, (std::vector<std::string>{"q"}));
  EXPECT_EQ(end(*s, first[0], kind::done), 1U);
  EXPECT_EQ(ids(take(*other, rq)), (id_list{"3"}));
  EXPECT_EQ(counts_of(*s, "q").limits.concurrency, 2U);
}

TEST_P(job_store_fixture, a_queue_begins_no_more_jobs_than_its_rate_allows) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 20; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  ASSERT_TRUE(s->put_limits("q", {.rate = 3, .period = 1h}));
  EXPECT_EQ(take(*s, claim(10)).size(), 3U);
  auto none = s->exchange({}, claim(10));
  EXPECT_TRUE(none->claimed.empty());
  EXPECT_EQ(none->held_back, (std::vector<std::string>{"q"}));
  ASSERT_TRUE(s->put_limits("q", {.rate = 3, .period = 100ms}));
  EXPECT_EQ(take(*s, claim(2)).size(), 2U);
  EXPECT_EQ(take(*s, claim(10)).size(), 1U);
  auto again = s->exchange({}, claim(10));
  EXPECT_LE(again->look_again, 100ms);
  ASSERT_TRUE(s->put_limits("q", {}));
  EXPECT_EQ(take(*s, claim(5)).size(), 5U);
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

TEST_P(job_store_fixture, a_job_is_found_wherever_it_is) {
  auto s = open();
  auto delayed = job("delayed");
  delayed.run_at_ms = now_ms() + 3'600'000;
  std::string ruby = R"({"class":"EchoJob","args":["a/b",{"k":"héllo"},3]})";
  put(*s, {job("running"),
           job("dead"),
           job("ready", "z"),
           delayed,
           {.id = key_of_job(ruby), .queue = "z", .payload = ruby}});
  auto got = take(*s, claim(2, {"q"}));
  EXPECT_EQ(end(*s, got[1], kind::failed_dead), 1U);
  for (auto [id, state] : {std::pair{"running", job_state::running},
                           {"dead", job_state::dead},
                           {"ready", job_state::ready},
                           {"delayed", job_state::delayed}}) {
    auto found = s->find(id);
    ASSERT_TRUE(found) << to_string(found.error());
    ASSERT_TRUE(*found) << id;
    EXPECT_EQ((*found)->state, state) << id;
    EXPECT_EQ((*found)->payload, job(id).payload) << id;
  }
  EXPECT_EQ((*s->find(sha1_hex(ruby)))->queue, "z");
  EXPECT_FALSE(*s->find("nowhere"));
  EXPECT_EQ((*s->find("running"))->worker, worker);
}

TEST_P(job_store_fixture, jobs_that_wait_are_removed_and_running_ones_asked_to_end) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3")});
  auto got = take(*s, claim(1));
  EXPECT_TRUE(*s->remove(**s->find("2")));
  EXPECT_FALSE(*s->find("2"));
  EXPECT_FALSE(*s->remove(**s->find("1")));
  ASSERT_TRUE(s->request_cancel("1"));
  EXPECT_EQ(*s->cancel_requests(), (id_list{"1"}));
  EXPECT_EQ(end(*s, got[0], kind::cancelled), 1U);
  EXPECT_TRUE(s->cancel_requests()->empty());
  EXPECT_EQ(s->totals()->failed, 0U);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"3"}));
}

TEST_P(job_store_fixture, dead_jobs_are_requeued_with_a_fresh_count_and_removed) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  for (auto& d : take(*s, claim(2))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  EXPECT_TRUE(*s->requeue(**s->find("1")));
  auto got = take(*s, claim(10));
  ASSERT_EQ(ids(got), (id_list{"1"}));
  EXPECT_EQ(got[0].attempt(), 1U);
  auto dead = **s->find("2");
  EXPECT_TRUE(*s->remove(dead));
  EXPECT_FALSE(*s->requeue(dead));
  EXPECT_EQ(s->totals()->dead, 0U);
}

TEST_P(job_store_fixture, the_dead_are_bounded) {
  auto s = open({.enqueue_timeout = 2s, .dead_max = 3});
  std::vector<new_job> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  for (auto& d : take(*s, claim(10))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  ASSERT_TRUE(s->tidy());
  EXPECT_EQ(ids(*s->jobs(job_state::dead, "", 0, 10)), (id_list{"7", "8", "9"}));
}

TEST_P(job_store_fixture, listings_are_paged) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 25; ++i) jobs.push_back(job(std::to_string(i), i < 10 ? "a" : "b"));
  put(*s, jobs);
  EXPECT_EQ(ids(*s->jobs(job_state::ready, "", 8, 4)), (id_list{"8", "9", "10", "11"}));
  EXPECT_EQ(ids(*s->jobs(job_state::ready, "b", 13, 10)), (id_list{"23", "24"}));
  EXPECT_TRUE(s->jobs(job_state::ready, "c", 0, 10)->empty());
  EXPECT_EQ(take(*s, claim(3, {"b"})).size(), 3U);
  EXPECT_EQ(ids(*s->jobs(job_state::running, "b", 1, 1)), (id_list{"11"}));
}

TEST_P(job_store_fixture, a_queue_is_removed_with_what_waits_in_it) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3", "other")});
  EXPECT_EQ(*s->remove_queue("q"), 2U);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"3"}));
}

TEST_P(job_store_fixture, a_schedule_fires_once_whoever_tries_and_goes_when_removed) {
  auto s = open(), other = open();
  ASSERT_TRUE(s->put_schedule({"nightly", "{}", 1'000}));
  auto j = job("j");
  EXPECT_TRUE(*s->fire("nightly", 1'000, 2'000, &j));
  EXPECT_FALSE(*other->fire("nightly", 1'000, 2'000, &j));
  EXPECT_TRUE(*other->fire("nightly", 2'000, 3'000, nullptr));
  auto all = s->schedules();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().last_ms, 3'000);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"j"}));
  EXPECT_TRUE(*s->remove_schedule("nightly"));
  EXPECT_FALSE(*s->remove_schedule("nightly"));
  EXPECT_FALSE(*s->fire("nightly", 3'000, 4'000, &j));
}

TEST_P(job_store_fixture, what_an_exchange_claimed_unheard_is_put_back_uncounted) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  auto heard = take(*s, claim(1));
  EXPECT_EQ(take(*s, claim(1)).size(), 1U);
  std::vector<delivery_tag> held{heard[0].tag};
  EXPECT_EQ(*s->resync(worker, held), 1U);
  auto got = take(*s, claim(10));
  ASSERT_EQ(ids(got), (id_list{"2"}));
  EXPECT_EQ(got[0].attempt(), 1U);
  EXPECT_EQ(end(*s, heard[0], kind::done), 1U);
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

TEST_P(job_store_fixture, jobs_move_between_stores_with_their_bytes_and_counts) {
  auto s = open();
  std::string ruby = R"({"class":"EchoJob", "args":["a\/b"]})";
  std::vector<job_view> all{{.id = key_of_job(ruby), .queue = "r", .payload = ruby, .failures = 2},
                            {.id = "d",
                             .queue = "q",
                             .payload = job("d").payload,
                             .state = job_state::delayed,
                             .run_at_ms = now_ms() + 3'600'000},
                            {.id = "x",
                             .queue = "q",
                             .payload = job("x").payload,
                             .state = job_state::dead,
                             .worker = "h:1:*",
                             .exception = "E",
                             .error = "e",
                             .failed_at_ms = 1'700'000'000'000}};
  ASSERT_TRUE(s->import(all));
  auto got = take(*s, claim(10));
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].payload, ruby);
  EXPECT_EQ(got[0].failures, 2U);
  EXPECT_EQ(ids(*s->jobs(job_state::delayed, "", 0, 10)), (id_list{"d"}));
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(ids(*dead), (id_list{"x"}));
  EXPECT_EQ(dead->front().failed_at_ms, 1'700'000'000'000);
  EXPECT_EQ(dead->front().payload, job("x").payload);
}

TEST_P(job_store_fixture, many_workers_share_the_jobs_and_none_gets_one_twice) {
  auto s = open({.enqueue_timeout = 20s});
  std::vector<new_job> jobs;
  for (int i = 0; i < 400; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  std::vector<std::future<id_list>> workers;
  for (int w = 0; w < 4; ++w)
    workers.push_back(std::async(std::launch::async, [&, w] {
      auto mine = open({.enqueue_timeout = 20s});
      id_list done;
      auto rq = claim(7);
      rq.worker = "host:" + std::to_string(w) + ":*";
      std::vector<job_outcome> outcomes;
      for (;;) {
        auto got = mine->exchange(outcomes, rq);
        if (!got || (got->claimed.empty() && outcomes.empty())) return done;
        outcomes.clear();
        for (auto& d : got->claimed) {
          done.push_back(key_of_job(d.payload));
          outcomes.push_back(outcome(d, kind::done));
        }
      }
    }));
  id_list all;
  for (auto& w : workers) {
    auto part = w.get();
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all.size(), 400U);
  EXPECT_EQ(std::set<job_id>(all.begin(), all.end()).size(), 400U);
  EXPECT_EQ(s->totals()->processed, 400U);
}

// -- Redis alone

namespace {

class redis_store_fixture : public ::testing::Test {
 protected:
  std::unique_ptr<job_store> open(std::chrono::milliseconds timeout = 2s) {
    return std::move(*open_job_store(redis_.url(), {.enqueue_timeout = timeout}));
  }
  std::string url_of(const std::string& login) const {
    auto url = redis_.url();
    return url.insert(url.find("//") + 2, login + "@");
  }
  test::redis_server redis_{{"--appendonly", "yes", "--appendfsync", "always"}};
};

claim_request all_of(unsigned max) { return {.worker = "w:1:*", .queues = {"*"}, .max = max}; }

}  // namespace

TEST_F(redis_store_fixture, an_outage_loses_nothing_and_stores_nothing_twice) {
  auto s = open(20s);
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  redis_.kill(SIGKILL);
  auto refused = s->enqueue(std::vector<new_job>{job("2")}, 100ms);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  auto patient = std::async(std::launch::async,
                            [&] { return s->enqueue(std::vector<new_job>{job("3")}, 20s); });
  redis_.start();
  EXPECT_TRUE(patient.get());
  std::set<job_id> ids;
  auto got = s->exchange({}, all_of(10));
  ASSERT_TRUE(got) << to_string(got.error());
  for (auto& d : got->claimed) EXPECT_TRUE(ids.insert(key_of_job(d.payload)).second);
  EXPECT_TRUE(ids.contains("1") && ids.contains("3"));
}

TEST_F(redis_store_fixture, a_server_that_stands_still_is_unavailable_after_the_deadline) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  redis_.signal(SIGSTOP);
  auto begin = std::chrono::steady_clock::now();
  auto refused = s->enqueue(std::vector<new_job>{job("2")}, 200ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_TRUE(s->in_doubt());
  redis_.signal(SIGCONT);
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("2")}, 5s)) << "the same batch, stored once";
  EXPECT_EQ(s->exchange({}, all_of(10))->claimed.size(), 2U);
}

TEST_F(redis_store_fixture, a_user_without_channels_and_dangerous_commands_suffices) {
  redis_.cli({"ACL", "SETUSER", "app", "on", ">pw", "~resque:*", "+@all", "-@dangerous"});
  auto s = std::move(*open_job_store(url_of("app:pw"), {}));
  EXPECT_TRUE(s->warnings());
  EXPECT_TRUE(s->register_worker("w:1:*"));
  auto later = job("later");
  later.run_at_ms = now_ms() + 20;
  auto stored = s->enqueue(std::vector<new_job>{job("now"), later}, 1s);
  ASSERT_TRUE(stored) << to_string(stored.error());
  auto waiter = s->make_clock_waiter();
  while (now_ms() <= later.run_at_ms) waiter->wait(10ms);
  ASSERT_TRUE(s->move_due());
  EXPECT_EQ(s->exchange({}, all_of(10))->claimed.size(), 2U);
}

TEST_F(redis_store_fixture, a_server_that_came_back_with_older_data_gives_no_number_twice) {
  auto s = open();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1"), job("2")}, 1s));
  auto before = s->exchange({}, all_of(1));
  ASSERT_TRUE(before) << to_string(before.error());
  redis_.cli({"DEL", "resque:sm:number", "resque:sm:leases", "resque:sm:inflight:q"});
  auto after = s->exchange({}, all_of(1));
  ASSERT_TRUE(after) << to_string(after.error());
  ASSERT_EQ(after->claimed.size(), 1U);
  std::vector<job_outcome> late{{.tag = before->claimed.at(0).tag, .queue = "q"}};
  EXPECT_EQ(s->exchange(late, all_of(0))->accepted, 0U) << "it must not end the other job";
}

TEST_F(redis_store_fixture, a_wrong_password_is_said_at_once) {
  redis_.cli({"CONFIG", "SET", "requirepass", "secret"});
  auto s = std::move(*open_job_store(url_of(":wrong"), {}));
  auto begin = std::chrono::steady_clock::now();
  auto refused = s->enqueue(std::vector<new_job>{job("1")}, 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::internal);
  EXPECT_NE(refused.error().detail.find("WRONGPASS"), std::string::npos) << refused.error().detail;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  auto right = std::move(*open_job_store(url_of(":secret") + "/3", {}));
  EXPECT_TRUE(right->enqueue(std::vector<new_job>{job("1")}, 5s));
}

TEST_F(redis_store_fixture, a_unix_socket_and_another_prefix_are_served) {
  auto url = "redis+unix://" + (redis_.folder() / "redis.sock").string() + "?db=2&prefix=app";
  auto s = std::move(*open_job_store(url, {}));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 5s));
  EXPECT_EQ(redis_.cli({"-n", "2", "LLEN", "app:queue:q"}), "1");
}

TEST_F(redis_store_fixture,
       a_key_of_another_kind_in_the_place_of_a_queue_keeps_no_other_from_work) {
  auto s = open();
  redis_.cli({"SADD", "resque:queues", "broken"});
  redis_.cli({"SET", "resque:queue:broken", "x"});
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  auto got = s->exchange({}, all_of(10));
  ASSERT_TRUE(got) << to_string(got.error());
  EXPECT_EQ(got->claimed.size(), 1U);
  auto counts = s->counts();
  ASSERT_TRUE(counts) << to_string(counts.error());
  auto waiter = s->make_waiter();
  int rounds = 0;
  for (auto end = std::chrono::steady_clock::now() + 500ms; std::chrono::steady_clock::now() < end;
       ++rounds) {
    waiter->watch({"broken", "q"});
    waiter->wait(100ms);
  }
  EXPECT_LT(rounds, 50) << "and nobody spins";
}

TEST_F(redis_store_fixture, what_python_takes_for_json_breaks_no_document) {
  auto s = open();
  std::string bytes = R"({"class":"N","args":[NaN]})";
  redis_.cli({"RPUSH", "resque:queue:q", bytes});
  redis_.cli({"SADD", "resque:queues", "q"});
  for (unsigned i = 0; i < crashes_max; ++i) {
    ASSERT_EQ(s->exchange({}, all_of(1))->claimed.size(), 1U);
    EXPECT_TRUE(json::accept(redis_.cli({"GET", "resque:worker:w:1:*"})));
    EXPECT_EQ(*s->release("w:1:*"), 1U);
  }
  EXPECT_TRUE(json::accept(redis_.cli({"LINDEX", "resque:failed", "0"})));
  auto dead = s->jobs(job_state::dead, "", 0, 1);
  ASSERT_EQ(dead->size(), 1U);
  EXPECT_EQ(dead->front().payload, bytes);
  EXPECT_TRUE(*s->requeue(dead->front()));
  EXPECT_EQ(redis_.cli({"LINDEX", "resque:queue:q", "0"}), bytes);
}

TEST_F(redis_store_fixture, a_waiter_whose_connections_are_cut_does_not_spin) {
  auto s = open();
  auto waiter = s->make_waiter();
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  waiter->watch({"q"});
  waiter->wait(1s);
  redis_.cli({"CLIENT", "KILL", "TYPE", "normal"});
  redis_.cli({"CLIENT", "KILL", "TYPE", "pubsub"});
  int rounds = 0;
  auto end = std::chrono::steady_clock::now() + 500ms;
  for (; std::chrono::steady_clock::now() < end; ++rounds) waiter->wait(100ms);
  EXPECT_LT(rounds, 50);
}

TEST_F(redis_store_fixture, consumers_that_nobody_saw_die_are_forgotten_but_not_their_leases) {
  auto s = open();
  ASSERT_TRUE(s->register_worker("gone:1:*"));
  ASSERT_TRUE(s->register_worker("here:1:*"));
  ASSERT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 1s));
  auto rq = all_of(1);
  rq.worker = "gone:1:*";
  ASSERT_EQ(s->exchange({}, rq)->claimed.size(), 1U);
  redis_.cli({"HSET", "resque:sm:workers", "gone:1:*", "1000"});
  ASSERT_TRUE(s->tidy());
  EXPECT_EQ(redis_.cli({"SMEMBERS", "resque:workers"}), "here:1:*");
  EXPECT_TRUE(s->exchange({}, all_of(1))->claimed.empty()) << "it may only have slept";
}

TEST_F(redis_store_fixture, no_key_outlives_the_work) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 100; ++i) jobs.push_back(job(std::to_string(i)));
  ASSERT_TRUE(s->enqueue(jobs, 1s));
  std::vector<job_outcome> done;
  auto got = s->exchange({}, all_of(100));
  ASSERT_TRUE(got) << to_string(got.error());
  for (auto& d : got->claimed) done.push_back({.tag = d.tag, .queue = d.queue});
  ASSERT_EQ(s->exchange(done, all_of(0))->accepted, 100U);
  ASSERT_TRUE(s->unregister_worker("w:1:*"));
  std::set<std::string> keys;
  std::istringstream list(redis_.cli({"KEYS", "*"}));
  for (std::string k; std::getline(list, k);)
    if (!k.starts_with("resque:sm:producer:")) keys.insert(k);
  EXPECT_EQ(keys,
            (std::set<std::string>{"resque:queues", "resque:sm:number", "resque:stat:processed"}));
}

TEST(redis_store, tls_is_spoken_with_servers_whose_certificate_fits) {
  test::temporary_folder folder;
  auto file = [&](const char* name) { return (folder.path() / name).string(); };
  auto command =
      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext "
      "subjectAltName=IP:127.0.0.1 -keyout " +
      file("key") + " -out " + file("cert") + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);
  auto port = std::to_string(test::free_port());
  test::redis_server redis({"--tls-port", port, "--tls-cert-file", file("cert"), "--tls-key-file",
                            file("key"), "--tls-ca-cert-file", file("cert"), "--tls-auth-clients",
                            "no"});
  auto put = [&](const std::string& url) {
    auto s = open_job_store(url, {});
    return s ? (*s)->enqueue(std::vector<new_job>{job("1")}, 10s)
             : result<std::vector<duplicate>>(tl::unexpected<error>(s.error()));
  };
  auto good = put("rediss://127.0.0.1:" + port + "?ca=" + file("cert"));
  EXPECT_TRUE(good) << to_string(good.error());
  EXPECT_TRUE(put("rediss://127.0.0.1:" + port + "?verify=no"));
  auto stranger = put("rediss://127.0.0.1:" + port);
  ASSERT_FALSE(stranger);
  EXPECT_NE(stranger.error().detail.find("certificate is refused"), std::string::npos)
      << stranger.error().detail;
  auto wrong_name = put("rediss://localhost:" + port + "?ca=" + file("cert"));
  ASSERT_FALSE(wrong_name);
  EXPECT_NE(wrong_name.error().detail.find("certificate is refused"), std::string::npos);
  EXPECT_EQ(redis.cli({"LLEN", "resque:queue:q"}), "2");
}

TEST(redis_store, sentinel_leads_to_the_master_also_after_a_failover) {
  test::redis_server first;
  auto port = std::to_string(first.port());
  test::redis_server second({"--replicaof", "127.0.0.1 " + port});
  test::redis_server sentinel({"--sentinel"}, "sentinel monitor main 127.0.0.1 " + port +
                                                  " 1\nsentinel down-after-milliseconds main 500\n"
                                                  "sentinel failover-timeout main 5000\n");
  auto dead = std::to_string(test::free_port());
  auto url = "redis+sentinel://127.0.0.1:" + dead +
             ",127.0.0.1:" + std::to_string(sentinel.port()) + "/main";
  auto s = std::move(*open_job_store(url, {.enqueue_timeout = 2s}));
  auto put = s->enqueue(std::vector<new_job>{job("1")}, 5s);
  ASSERT_TRUE(put) << to_string(put.error());
  auto waiter = s->make_clock_waiter();
  auto patience = std::chrono::steady_clock::now() + 20s;
  auto in_time = [&] { return std::chrono::steady_clock::now() < patience; };
  while (second.cli({"LLEN", "resque:queue:q"}) != "1" && in_time()) waiter->wait(20ms);
  while (sentinel.cli({"SENTINEL", "failover", "main"}) != "OK" && in_time()) waiter->wait(100ms);
  put = s->enqueue(std::vector<new_job>{job("2")}, 20s);
  ASSERT_TRUE(put) << to_string(put.error());
  auto is = [](const test::redis_server& r, const char* role) {
    return r.cli({"ROLE"}).starts_with(role);
  };
  while ((!is(second, "master") || !is(first, "slave")) && in_time()) waiter->wait(50ms);
  // What was put in the moment of the change may be on the old one: asynchronous replication.
  put = s->enqueue(std::vector<new_job>{job("3")}, 20s);
  ASSERT_TRUE(put) << to_string(put.error());
  EXPECT_NE(second.cli({"LRANGE", "resque:queue:q", "0", "-1"}).find("\"id\":\"3\""),
            std::string::npos);
}

TEST(redis_store, an_unknown_master_is_said) {
  test::redis_server sentinel({"--sentinel"}, "sentinel monitor main 127.0.0.1 1 1\n");
  auto s = std::move(*open_job_store(
      "redis+sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/other", {}));
  auto refused = s->enqueue(std::vector<new_job>{job("1")}, 100ms);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("no master of this name"), std::string::npos);
}

// -- SQLite alone

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
  EXPECT_TRUE(s->enqueue(std::vector<new_job>{job("1")}, 200ms));
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
  EXPECT_EQ((*s)->jobs(job_state::dead, "", 0, 10)->front().error, "boom");
}

TEST(job_store, a_url_of_no_known_scheme_is_refused) {
  auto store = open_job_store("ftp://user:secret@x", {});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().detail.find("ftp://x"), std::string::npos) << store.error().detail;
}

}  // namespace sm
