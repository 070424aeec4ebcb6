#include "telemetry/own_metrics.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <thread>

#include "telemetry/span.hpp"

namespace sm {
namespace {

const auto* const traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The family of this process that has the name.
own_family mine(const std::string& name) {
  for (auto& family : own_metrics())
    if (family.name == name) return family;
  return {};
}

std::string page_of(std::vector<own_report> reports) {
  metric_page page;
  write_own_metrics(page, reports);
  return page.take();
}

own_report report(const std::string& service, own_families families) {
  return {service, service + ":0", std::make_shared<const own_families>(std::move(families))};
}

}  // namespace

TEST(own_metrics, handles_of_one_name_and_labels_are_one_series) {
  metrics::counter one("test_one", "Help.", {{"city", "berlin"}, {"age", "2"}});
  metrics::counter same("test_one_total", "Other help.", {{"age", "2"}, {"city", "berlin"}});
  metrics::counter other("test_one", "Help.", {{"city", "paris"}});
  one.add();
  same.add(2);
  one.add(-5);
  one.add(std::nan(""));
  one.add(std::numeric_limits<double>::infinity());
  auto family = mine("test_one");
  ASSERT_EQ(family.series.size(), 2U);
  EXPECT_EQ(family.help, "Help.");
  EXPECT_EQ(family.series[0].value, 3);
  EXPECT_EQ(family.series[1].value, 0);
}

TEST(own_metrics, a_gauge_goes_up_and_down) {
  metrics::gauge heat("test_heat", "Help.");
  heat.set(20);
  heat.add(-0.5);
  EXPECT_EQ(mine("test_heat").series[0].value, 19.5);
}

TEST(own_metrics, a_histogram_counts_by_bounds_that_are_included) {
  metrics::histogram size("test_size", "Help.", {}, {1, 10});
  const double inf = std::numeric_limits<double>::infinity();
  for (double value : {0.5, 1.0, 2.0, 100.0, std::nan(""), inf, -inf}) size.observe(value);
  auto series = mine("test_size").series[0];
  EXPECT_EQ(series.counts, (std::vector<std::uint64_t>{2, 1, 1}));
  EXPECT_EQ(series.value, 103.5);
}

TEST(own_metrics, what_cannot_be_is_refused_with_the_reason) {
  auto why = [](auto make) -> std::string {
    try {
      make();
    } catch (const failure& e) {
      return e.reason().detail;
    }
    return "";
  };
  using namespace metrics;
  for (auto name : {"", "1st", "a-b", "sm_mine", "process_x", "a_bucket", "a_created", "a_count"})
    EXPECT_NE(why([&] { counter(name, ""); }), "") << name;
  EXPECT_NE(why([] { gauge("test_g_total", ""); }), "");
  for (auto label : {"", "service", "process", "le", "__x", "a b"})
    EXPECT_NE(why([&] { gauge("test_g", "", {{label, "x"}}); }), "") << label;
  const double inf = std::numeric_limits<double>::infinity();
  for (const std::vector<double>& bounds :
       {std::vector<double>{2, 1}, {1, 1}, {1, inf}, {std::nan("")}})
    EXPECT_NE(why([&] { metrics::histogram("test_h", "", {}, bounds); }), "");
  EXPECT_NE(why([] { metrics::histogram("test_h", "", {}, std::vector<double>(41)); }), "");
  gauge known("test_known", "");
  EXPECT_NE(why([] { counter("test_known", ""); }), "");
  EXPECT_EQ(mine("test_g").name, "") << "nothing is left of it";
}

TEST(own_metrics, the_first_change_after_a_look_is_told_and_no_other) {
  metrics::counter counted("test_watched", "Help.");
  int told = 0;
  own_metrics();
  watch_own_metrics([&] { ++told; });
  counted.add();
  counted.add();
  EXPECT_EQ(told, 1);
  own_metrics();
  counted.add();
  EXPECT_EQ(told, 2);
  own_metrics();
  metrics::gauge another("test_watched_too", "Help.");
  EXPECT_EQ(told, 3) << "a new one, too";
  watch_own_metrics({});
}

TEST(own_metrics, threads_count_together) {
  metrics::counter counted("test_threads", "Help.");
  metrics::histogram seen("test_threads_seconds", "Help.");
  auto count = [&] {
    for (int i = 0; i < 10'000; ++i) {
      counted.add();
      seen.observe(0.001);
    }
  };
  std::thread a(count), b(count);
  for (int i = 0; i < 100; ++i) own_metrics();
  a.join();
  b.join();
  EXPECT_EQ(mine("test_threads").series[0].value, 20'000);
  EXPECT_EQ(mine("test_threads_seconds").series[0].counts[1], 20'000U);
}

TEST(own_metrics, are_told_and_read_back) {
  own_families told{{.name = "a", .kind = metric_kind::counter, .help = "H\"e\nlp."},
                    {.name = "h", .kind = metric_kind::histogram, .bounds = {1, 2.5}}};
  told[0].series = {{.labels = {{"x", "\xff"}}, .value = 1.5}, {.value = 1e300}};
  told[1].series = {{.value = 3, .counts = {1, 0, 1}}};
  told[1].series[0].exemplars.resize(3);
  told[1].series[0].exemplars[2] = {*read_traceparent(traced), 2.75, 1700000000.5};
  auto read = decode_families(encode(told));
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(encode(*read), encode(told));
}

TEST(own_metrics, what_is_no_report_is_refused) {
  own_families good{{.name = "h", .kind = metric_kind::histogram, .bounds = {1}}};
  good[0].series = {{.labels = {{"x", "y"}}, .value = 3, .counts = {1, 300}}};
  good[0].series[0].exemplars.resize(2);
  good[0].series[0].exemplars[1] = {*read_traceparent(traced), 2, 1};
  auto whole = encode(good);
  ASSERT_TRUE(decode_families(whole));
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_families(whole.substr(0, size))) << size;
  EXPECT_FALSE(decode_families(whole + "x"));
  EXPECT_FALSE(decode_families("[]"));
  EXPECT_FALSE(decode_families(std::string(1, '\1') + std::string(11, '\xff')));
  auto refused = [&](auto change) {
    auto bad = good;
    change(bad[0]);
    return !decode_families(encode(bad));
  };
  EXPECT_TRUE(refused([](auto& f) { f.name = "sm_x"; }));
  EXPECT_TRUE(refused([](auto& f) { f.kind = static_cast<metric_kind>(3); }));
  EXPECT_TRUE(refused([](auto& f) { f.bounds.clear(); }));
  EXPECT_TRUE(refused([](auto& f) { f.series[0].labels[0].first = "le"; }));
  EXPECT_TRUE(refused([](auto& f) {
    f.series[0].exemplars.resize(3);
    f.series[0].exemplars[2] = f.series[0].exemplars[1];
  })) << "of no bucket";
}

TEST(own_metrics, a_gauge_that_is_no_finite_number_spoils_no_other) {
  own_families told{{.name = "g", .kind = metric_kind::gauge, .help = "Help."}};
  const double inf = std::numeric_limits<double>::infinity();
  for (double value : {inf, -inf, std::nan(""), 1.0})
    told[0].series.push_back(
        {.labels = {{"n", std::to_string(told[0].series.size())}}, .value = value});
  auto read = decode_families(encode(told));
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(page_of({report("web", *read)}), R"(# TYPE g gauge
# HELP g Help.
g{n="0",service="web",process="web:0"} +Inf
g{n="1",service="web",process="web:0"} -Inf
g{n="2",service="web",process="web:0"} NaN
g{n="3",service="web",process="web:0"} 1
)");
}

TEST(own_metrics, labels_are_told_apart_as_they_are_shown) {
  EXPECT_THROW(metrics::gauge("test_twice", "", {{"a", "1"}, {"a", "2"}}), failure);
  metrics::counter plain("test_shown", ""), empty("test_shown", "", {{"city", ""}});
  metrics::counter broken("test_shown", "", {{"x", "\xff"}}),
      alike("test_shown", "", {{"x", "\xfe"}});
  plain.add();
  empty.add();
  broken.add();
  alike.add();
  auto series = mine("test_shown").series;
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].value, 2);
  EXPECT_EQ(series[1].value, 2);
}

TEST(own_metrics, a_forked_child_tells_what_it_changed_itself) {
  metrics::counter before("test_before", ""), both("test_both", "");
  metrics::gauge left("test_stays", "");
  before.add(3);
  both.add(3);
  left.set(7);
  int channel[2];
  ASSERT_EQ(::pipe(channel), 0);
  auto pid = ::fork();
  if (pid == 0) {
    forget_own_metrics();
    both.add(2);
    auto text = encode(changed_own_metrics());
    ::_exit(::write(channel[1], text.data(), text.size()) > 0 ? 0 : 1);
  }
  std::string text(4096, ' ');
  text.resize(static_cast<std::size_t>(::read(channel[0], text.data(), text.size())));
  ::waitpid(pid, nullptr, 0);
  ::close(channel[0]);
  ::close(channel[1]);
  auto told = decode_families(text);
  ASSERT_TRUE(told);
  ASSERT_EQ(told->size(), 1U) << text;
  add_to_own_metrics(*told);
  EXPECT_EQ(mine("test_both").series[0].value, 5);
  EXPECT_EQ(mine("test_before").series[0].value, 3);
  EXPECT_EQ(mine("test_stays").series[0].value, 7);
}

TEST(own_metrics, of_a_process_that_ended_are_added) {
  metrics::counter counted("test_jobs", "Help.");
  metrics::gauge left("test_left", "Help.");
  counted.add(1);
  left.set(5);
  own_families more{{.name = "test_jobs", .kind = metric_kind::counter, .help = "Help."},
                    {.name = "test_left", .kind = metric_kind::gauge, .help = "Help."}};
  more[0].series = {{.value = 2}};
  more[1].series = {{.value = 3}};
  add_to_own_metrics(more);
  EXPECT_EQ(mine("test_jobs").series[0].value, 3);
  EXPECT_EQ(mine("test_left").series[0].value, 8);
  more[1].series[0].set = true;
  add_to_own_metrics(more);
  EXPECT_EQ(mine("test_left").series[0].value, 3);
}

TEST(own_metrics, families_of_several_processes_stand_together) {
  own_families web{{.name = "orders", .kind = metric_kind::counter, .help = "Orders."}};
  web[0].series = {{.labels = {{"city", "a"}}, .value = 2}};
  own_families wrong{{.name = "orders", .kind = metric_kind::gauge, .help = "Other."}};
  wrong[0].series = {{.value = 9}};
  own_families seconds{
      {.name = "took", .kind = metric_kind::histogram, .help = "Took.", .bounds = {1}}};
  seconds[0].series = {{.value = 3.5, .counts = {1, 1}}};
  seconds[0].series[0].exemplars.resize(2);
  seconds[0].series[0].exemplars[1] = {*read_traceparent(traced), 3, 1700000000.5};
  EXPECT_EQ(page_of({report("web", web), report("odd", wrong), report("api", web),
                     report("api", seconds)}),
            R"(# TYPE orders counter
# HELP orders Orders.
orders_total{city="a",service="web",process="web:0"} 2
orders_total{city="a",service="api",process="api:0"} 2
# TYPE took histogram
# HELP took Took.
took_bucket{service="api",process="api:0",le="1.0"} 1
took_bucket{service="api",process="api:0",le="+Inf"} 2 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"} 3 1700000000.500
took_sum{service="api",process="api:0"} 3.5
took_count{service="api",process="api:0"} 2
)");
  metric_page page;
  EXPECT_EQ(
      write_own_metrics(page, std::vector<own_report>{report("web", web), report("odd", wrong)}),
      std::vector<std::string>{"orders"});
}

TEST(exemplar, is_of_a_trace_that_is_recorded) {
  EXPECT_FALSE(exemplar::of(1).trace);
  auto place = *read_traceparent(traced);
  {
    trace_scope scope(place);
    EXPECT_FALSE(exemplar::of(1).trace) << "nobody takes its spans";
    record_spans_with([](const span&) {});
    EXPECT_EQ(exemplar::of(1).trace, place);
    record_spans_with({});
  }
  place.sampled = false;
  trace_scope scope(place);
  EXPECT_FALSE(exemplar::of(1).trace);
}

}  // namespace sm
