// What operators see and do.
#include <set>

#include "job_store_fixture.hpp"
#include "queue/job_status.hpp"

namespace sm {

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
  EXPECT_TRUE(remove(*s, **s->find("2")));
  EXPECT_FALSE(*s->find("2"));
  EXPECT_FALSE(remove(*s, **s->find("1")));
  ASSERT_TRUE(s->request_cancel("1"));
  EXPECT_EQ(*s->cancel_requests(), (id_list{"1"}));
  EXPECT_EQ(end(*s, got[0], kind::cancelled), 1U);
  EXPECT_TRUE(s->cancel_requests()->empty());
  EXPECT_EQ(s->totals()->failed, 0U);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"3"}));
}

TEST_P(job_store_fixture, listings_are_paged) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 25; ++i) jobs.push_back(job(std::to_string(i), i < 10 ? "a" : "b"));
  put(*s, jobs);
  EXPECT_EQ(ids(s->jobs(job_state::ready, "", 8, 4)->jobs), (id_list{"8", "9", "10", "11"}));
  EXPECT_EQ(ids(s->jobs(job_state::ready, "b", 13, 10)->jobs), (id_list{"23", "24"}));
  EXPECT_TRUE(s->jobs(job_state::ready, "c", 0, 10)->jobs.empty());
  EXPECT_EQ(take(*s, claim(3, {"b"})).size(), 3U);
  EXPECT_EQ(ids(s->jobs(job_state::running, "b", 1, 1)->jobs), (id_list{"11"}));
}

TEST_P(job_store_fixture, a_queue_is_removed_with_what_waits_in_it) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3", "other")});
  EXPECT_EQ(*s->remove_queue("q"), 2U);
  EXPECT_EQ(ids(take(*s, claim(10))), (id_list{"3"}));
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
  EXPECT_EQ(ids(s->jobs(job_state::delayed, "", 0, 10)->jobs), (id_list{"d"}));
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(ids(dead->jobs), (id_list{"x"}));
  EXPECT_EQ(dead->jobs.front().failed_at_ms, 1'700'000'000'000);
  EXPECT_EQ(dead->jobs.front().payload, job("x").payload);
}

TEST_P(job_store_fixture, a_job_that_is_removed_frees_its_key_and_its_status_says_so) {
  auto s = open();
  for (auto where : {job_state::ready, job_state::delayed}) {
    auto j = job(where == job_state::ready ? "1" : "2");
    j.payload = encode_payload({.type = "T", .args = json::array(), .id = j.id, .lock = "key"});
    j.lock = "key";
    j.lock_for = 1h;
    j.status = encode_status({.updated_s = 1});
    if (where == job_state::delayed) j.run_at_ms = now_ms() + 3'600'000;
    put(*s, {j});
    auto found = **s->find(j.id);
    EXPECT_EQ(found.state, where);
    EXPECT_TRUE(remove(*s, found));
    EXPECT_FALSE(remove(*s, found));
    auto status = decode_status(*s->status(j.id));
    EXPECT_EQ(status.status, job_status::phase::failed);
    EXPECT_EQ(status.error, "cancelled");
  }
}

TEST_P(job_store_fixture, a_queue_stays_known_when_it_is_empty) {
  auto s = open();
  put(*s, {job("1", "mail")});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::done), 1U);
  ASSERT_TRUE(s->put_schedule({"nightly", "{}", 1}));
  auto scheduled = job("2", "nightly");
  EXPECT_EQ(*s->fire("nightly", 1, 2, &scheduled), firing::stored);
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::done), 1U);
  ASSERT_TRUE(s->import(std::vector<job_view>{{.id = "3", .queue = "import", .payload = "{}"}}));
  std::set<std::string> known;
  auto all = s->counts();
  for (auto& c : *all) known.insert(c.queue);
  EXPECT_EQ(known, (std::set<std::string>{"import", "mail", "nightly"}));
}

}  // namespace sm
