// What /metrics says, as Prometheus reads it.
#include <gtest/gtest.h>

#include "queue/job_tallies.hpp"
#include "queue/queue_metrics.hpp"

namespace sm {
namespace {

using kind = job_outcome::kind;

std::string text_of(const job_tallies& tallies) {
  metric_page page;
  tallies.write(page);
  return page.take();
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST(queue_metrics, are_written_as_prometheus_reads_them) {
  metric_page page;
  write_queue_metrics(page, {{.queue = "a\"b", .ready = 3, .running = 1, .oldest_ms = 1500}},
                      {.processed = 7, .failed = 2, .dead = 1});
  write_queue_up(page, false);
  auto text = page.take();
  for (auto* line :
       {"# TYPE sm_queue_depth gauge", "sm_queue_depth{queue=\"a\\\"b\",state=\"ready\"} 3",
        "sm_queue_latency_seconds{queue=\"a\\\"b\"} 1.5", "# TYPE sm_queue_processed counter",
        "sm_queue_processed_total 7", "sm_queue_failed_total 2", "sm_queue_dead 1"})
    EXPECT_TRUE(has_line(text, line)) << line << " in\n" << text;
  EXPECT_TRUE(has_line(text, "sm_queue_up 0"));
}

TEST(job_tallies, count_ends_and_durations_by_queue_and_type) {
  job_tallies t;
  t.add("mail", "EmailWork", kind::done, 0.002);
  t.add("mail", "EmailWork", kind::done, 0.4);
  t.add("mail", "EmailWork", kind::failed_retry, 2000);
  t.add("mail", "EmailWork", kind::returned, 3);  // nothing ended
  t.add("low", "Re\nport", kind::failed_dead, 0);
  auto text = text_of(t);
  for (auto* line :
       {"# TYPE sm_jobs counter",
        "sm_jobs_total{queue=\"mail\",type=\"EmailWork\",outcome=\"done\"} 2",
        "sm_jobs_total{queue=\"mail\",type=\"EmailWork\",outcome=\"retried\"} 1",
        "sm_jobs_total{queue=\"low\",type=\"Re\\nport\",outcome=\"dead\"} 1",
        "# TYPE sm_job_duration_seconds histogram",
        "sm_job_duration_seconds_bucket{queue=\"mail\",type=\"EmailWork\",le=\"0.001\"} 0",
        "sm_job_duration_seconds_bucket{queue=\"mail\",type=\"EmailWork\",le=\"0.005\"} 1",
        "sm_job_duration_seconds_bucket{queue=\"mail\",type=\"EmailWork\",le=\"1.0\"} 2",
        "sm_job_duration_seconds_bucket{queue=\"mail\",type=\"EmailWork\",le=\"+Inf\"} 3",
        "sm_job_duration_seconds_count{queue=\"mail\",type=\"EmailWork\"} 3",
        "sm_job_duration_seconds_sum{queue=\"mail\",type=\"EmailWork\"} 2000.402"})
    EXPECT_TRUE(has_line(text, line)) << line << " in\n" << text;
  EXPECT_EQ(t.sum().took.count(), 4U);
}

TEST(job_tallies, come_back_from_their_encoding) {
  job_tallies t;
  t.add("q", "T", kind::done, 0.5);
  t.add("q", "U", kind::crashed, 70);
  auto back = job_tallies::decode(t.encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(text_of(*back), text_of(t));
  for (auto* bad : {"{", "[1]", R"([["q","T",[1],[2],3]])", R"([["q","T",[0,0,0,0,0],"x",3]])"})
    EXPECT_FALSE(job_tallies::decode(bad)) << bad;
}

TEST(job_tallies, are_bounded_whatever_producers_invent) {
  job_tallies t;
  for (int i = 0; i < 5000; ++i) t.add("q", "T" + std::to_string(i), kind::done, 0);
  auto text = text_of(t);
  EXPECT_EQ(t.sum().took.count(), 5000U) << "none is forgotten";
  EXPECT_TRUE(
      has_line(text, "sm_jobs_total{queue=\"other\",type=\"other\",outcome=\"done\"} 4000"));
}

TEST(tally_board, adds_up_processes_and_keeps_those_that_are_gone) {
  job_tallies one, two;
  one.add("q", "T", kind::done, 1);
  two.add("q", "T", kind::done, 1);
  tally_board board;
  board.put(1, one);
  board.put(2, two);
  one.add("q", "T", kind::done, 1);
  board.put(1, one);
  EXPECT_EQ(board.sum().sum().took.count(), 3U) << "the last word of each counts";
  board.end(1);
  board.end(1);
  EXPECT_EQ(board.sum().sum().took.count(), 3U);
  board.put(3, two);
  EXPECT_EQ(board.sum().sum().took.count(), 4U);
}

}  // namespace sm
