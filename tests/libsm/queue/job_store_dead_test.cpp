// The dead: kept, bounded, found, requeued and removed.
#include "job_store_fixture.hpp"
#include "queue/job_operations.hpp"

namespace sm {

TEST_P(job_store_fixture, dead_jobs_are_requeued_with_a_fresh_count_and_removed) {
  auto s = open();
  put(*s, {job("1"), job("2")});
  for (auto& d : take(*s, claim(2))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  EXPECT_TRUE(requeue(*s, **s->find("1")));
  auto got = take(*s, claim(10));
  ASSERT_EQ(ids(got), (id_list{"1"}));
  EXPECT_EQ(got[0].attempt(), 1U);
  auto dead = **s->find("2");
  EXPECT_TRUE(remove(*s, dead));
  EXPECT_FALSE(requeue(*s, dead));
  EXPECT_EQ(s->totals()->dead, 0U);
}

TEST_P(job_store_fixture, jobs_that_die_together_stand_in_their_order) {
  auto s = open();
  put(*s, {job("1"), job("2"), job("3"), job("4")});
  std::vector<job_outcome> outcomes;
  for (auto& d : take(*s, claim(4)))
    outcomes.push_back(outcome(d, outcomes.size() == 3 ? kind::returned : kind::failed_dead));
  ASSERT_TRUE(s->exchange(outcomes, claim(0)));
  EXPECT_EQ(ids(s->jobs(job_state::dead, "", 0, 10)->jobs), (id_list{"1", "2", "3"}));
  EXPECT_EQ(ids(take(*s, claim(4))), (id_list{"4"}));
}

TEST_P(job_store_fixture, the_dead_are_bounded) {
  auto s = open({.enqueue_timeout = 2s, .dead_max = 3});
  std::vector<new_job> jobs;
  for (int i = 0; i < 10; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  for (auto& d : take(*s, claim(10))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  ASSERT_TRUE(s->tidy());
  EXPECT_EQ(ids(s->jobs(job_state::dead, "", 0, 10)->jobs), (id_list{"7", "8", "9"}));
}

TEST_P(job_store_fixture, none_of_the_dead_are_kept_when_none_shall_be) {
  auto s = open({.enqueue_timeout = 2s, .dead_max = 0});
  put(*s, {job("1")});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  ASSERT_TRUE(s->tidy());
  EXPECT_EQ(s->totals()->dead, 0U);
}

TEST_P(job_store_fixture, a_dead_job_nested_as_deep_as_can_be_comes_back) {
  auto s = open();
  auto depth = json_depth_max - 2;
  auto j = job("1");
  j.payload =
      R"({"class":"T","id":"1","args":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  put(*s, {j});
  for (auto& d : take(*s, claim(1))) EXPECT_EQ(end(*s, d, kind::failed_dead), 1U);
  auto dead = s->find("1");
  ASSERT_TRUE(*dead);
  EXPECT_EQ((*dead)->payload, j.payload);
  EXPECT_TRUE(requeue(*s, **dead));
  EXPECT_EQ(take(*s, claim(1))[0].payload, j.payload);
}

TEST_P(job_store_fixture, an_empty_element_stays_one_when_it_is_requeued) {
  auto s = open();
  put(*s, {{.id = "x", .queue = "q", .payload = ""}});
  EXPECT_EQ(end(*s, take(*s, claim(1)).at(0), kind::failed_dead), 1U);
  auto dead = s->jobs(job_state::dead, "", 0, 10);
  ASSERT_EQ(dead->jobs.size(), 1U);
  EXPECT_TRUE(requeue(*s, dead->jobs.front()));
  EXPECT_EQ(take(*s, claim(1)).at(0).payload, "");
}

TEST_P(job_store_fixture, dead_jobs_are_found_and_swept_by_what_they_are) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 1'200; ++i) {
    auto id = std::to_string(i);
    jobs.push_back({.id = id,
                    .queue = i % 2 == 0 ? "even" : "odd",
                    .payload = encode_payload({.type = i % 3 == 0 ? "Three" : "Other", .id = id})});
  }
  put(*s, jobs);
  for (auto got = take(*s, claim(500)); !got.empty(); got = take(*s, claim(500))) {
    std::vector<job_outcome> outcomes;
    for (auto& d : got) outcomes.push_back(outcome(d, kind::failed_dead));
    ASSERT_TRUE(s->exchange(outcomes, claim(0)));
  }
  auto search = [&](const dead_filter& filter, std::size_t offset, std::size_t count) {
    dead_search all(filter, offset, count);
    for (auto more = all.step(*s); more.value_or(false);) more = all.step(*s);
    return all.found();
  };
  EXPECT_EQ(search({.type = "Three"}, 10, 20).jobs.size(), 20U);
  EXPECT_TRUE(search({.type = "Three"}, 10, 20).more);
  EXPECT_EQ(search({.queue = "odd", .type = "Three"}, 190, 100).jobs.size(), 10U);
  EXPECT_TRUE(search({.text = "no such error"}, 0, 10).jobs.empty());
  EXPECT_EQ(ids(search({.ids = {"7", "1199"}}, 0, 10).jobs), (id_list{"7", "1199"}));
  auto sweep = [&](const dead_filter& filter, dead_action action) {
    dead_sweep all(filter, action);
    for (auto more = all.step(*s); more.value_or(false);) more = all.step(*s);
    return std::pair{all.count(), all.missing()};
  };
  EXPECT_EQ(sweep({.queue = "odd", .type = "Three"}, dead_action::requeue).first, 200U);
  EXPECT_EQ(counts_of(*s, "odd").ready, 200U);
  auto again = ids(take(*s, claim(3, {"odd"})));
  EXPECT_EQ(again, (id_list{"3", "9", "15"})) << "in the order in which they died";
  EXPECT_EQ(sweep({.type = "Other", .text = "boom"}, dead_action::remove).first, 800U);
  EXPECT_EQ(s->totals()->dead, 200U);
  auto some = sweep({.ids = {"0", "nobody", "600"}}, dead_action::remove);
  EXPECT_EQ(some.first, 2U);
  EXPECT_EQ(some.second, (id_list{"nobody"}));
  EXPECT_EQ(sweep({}, dead_action::requeue).first, 198U);
  EXPECT_EQ(sweep({}, dead_action::requeue).first, 0U);
}

TEST_P(job_store_fixture, all_dead_jobs_are_removed_at_once) {
  auto s = open();
  std::vector<new_job> jobs;
  for (int i = 0; i < 5'000; ++i) jobs.push_back(job(std::to_string(i)));
  put(*s, jobs);
  std::vector<job_outcome> outcomes;
  for (auto got = take(*s, claim(1'000)); !got.empty(); got = take(*s, claim(1'000))) {
    outcomes.clear();
    for (auto& d : got) outcomes.push_back(outcome(d, kind::failed_dead));
    ASSERT_TRUE(s->exchange(outcomes, claim(0)));
  }
  dead_sweep all({}, dead_action::remove);
  for (auto more = all.step(*s); more.value_or(false);) more = all.step(*s);
  EXPECT_EQ(all.count(), 5'000U);
  EXPECT_EQ(s->totals()->dead, 0U);
  EXPECT_EQ(*s->clear_dead(), 0U);
}

}  // namespace sm
