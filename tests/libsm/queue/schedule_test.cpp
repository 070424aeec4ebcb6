#include "queue/schedule.hpp"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>
#include <gtest/gtest.h>

#include "queue/cron.hpp"
#include "queue/job_documents.hpp"
#include "queue/payload.hpp"

namespace sm {
namespace {

/// "2026-11-25 10:00:00" in a time zone, as Unix seconds.
std::int64_t at(const std::string& text, const std::string& zone = "UTC") {
  cctz::time_zone z;
  cctz::load_time_zone(zone, &z);
  cctz::time_point<cctz::seconds> t;
  EXPECT_TRUE(cctz::parse("%Y-%m-%d %H:%M:%S", text, z, &t)) << text;
  return t.time_since_epoch().count();
}

std::string next(const std::string& line, const std::string& after,
                 const std::string& zone = "UTC") {
  auto cron = cron_line::parse(line, zone);
  if (!cron) return to_string(cron.error());
  auto found = cron->next(at(after, zone));
  if (!found) return "never";
  cctz::time_zone z;
  cctz::load_time_zone(zone, &z);
  return cctz::format("%Y-%m-%d %H:%M:%S", cctz::time_point<cctz::seconds>(cctz::seconds(*found)),
                      z);
}

}  // namespace

TEST(cron, five_and_six_fields_lists_ranges_steps_and_names) {
  for (auto [line, after, expected] :
       {std::tuple{"* * * * *", "2026-11-25 10:00:00", "2026-11-25 10:01:00"},
        {"* * * * * *", "2026-11-25 10:00:00", "2026-11-25 10:00:01"},
        {"*/2 * * * * *", "2026-11-25 10:00:58", "2026-11-25 10:01:00"},
        {"30 4 * * *", "2026-11-25 10:00:00", "2026-11-26 04:30:00"},
        {"0,15,30 8-10 * * *", "2026-11-25 10:15:00", "2026-11-25 10:30:00"},
        {"10-30/10 * * * *", "2026-11-25 10:10:00", "2026-11-25 10:20:00"},
        {"5/20 * * * *", "2026-11-25 10:26:00", "2026-11-25 10:45:00"},
        {"0 0 1 jan *", "2026-11-25 10:00:00", "2027-01-01 00:00:00"},
        {"0 9 * * MON-FRI", "2026-11-27 10:00:00", "2026-11-30 09:00:00"},
        {"0 0 * * 7", "2026-11-25 10:00:00", "2026-11-29 00:00:00"},
        {"0 0 29 2 *", "2026-11-25 10:00:00", "2028-02-29 00:00:00"},
        {"0 0 13 * 5", "2026-11-25 10:00:00", "2026-11-27 00:00:00"},  // either of the two
        {"@hourly", "2026-11-25 10:00:00", "2026-11-25 11:00:00"},
        {"@monthly", "2026-11-25 10:00:00", "2026-12-01 00:00:00"},
        {"59 23 31 12 *", "2026-12-31 23:59:00", "2027-12-31 23:59:00"}})
    EXPECT_EQ(next(line, after), expected) << line;
}

TEST(cron, what_is_no_line_or_never_fires_is_refused_with_its_field) {
  for (auto [line, word] : {std::pair{"* * * *", "4 fields"},
                            {"60 * * * *", "minute"},
                            {"* 24 * * *", "hour"},
                            {"* * 0 * *", "day of month"},
                            {"* * * foo *", "month"},
                            {"* * * * 8", "day of week"},
                            {"*/0 * * * *", "minute"},
                            {"5-1 * * * *", "minute"},
                            {", * * * *", "minute"},
                            {"0 0 30 2 *", "never fires"},
                            {"@sometimes", "1 fields"},
                            {"", "0 fields"}}) {
    auto cron = cron_line::parse(line);
    ASSERT_FALSE(cron) << line;
    EXPECT_EQ(cron.error().code, errc::invalid_spec);
    EXPECT_NE(cron.error().detail.find(word), std::string::npos) << cron.error().detail;
  }
  EXPECT_EQ(cron_line::parse("* * * * *", "Europe/Atlantis").error().where, "timezone");
}

TEST(cron, times_follow_the_zone_through_changes_of_the_clock) {
  auto* berlin = "Europe/Berlin";
  // 2027-03-28: 02:00 becomes 03:00. What is left out comes right after.
  EXPECT_EQ(next("30 2 * * *", "2027-03-27 12:00:00", berlin), "2027-03-28 03:00:00");
  EXPECT_EQ(next("30 2 * * *", "2027-03-28 03:00:00", berlin), "2027-03-29 02:30:00");
  EXPECT_EQ(next("*/30 * * * *", "2027-03-28 01:30:00", berlin), "2027-03-28 03:00:00");
  // 2026-10-25: 03:00 becomes 02:00. A time that happens twice comes once.
  EXPECT_EQ(next("30 2 * * *", "2026-10-24 12:00:00", berlin), "2026-10-25 02:30:00");
  auto cron = *cron_line::parse("30 2 * * *", berlin);
  auto first = *cron.next(at("2026-10-24 12:00:00", berlin));
  EXPECT_EQ(*cron.next(first) - first, 25 * 3600);
  // Lines for every hour go on evenly.
  auto hourly = *cron_line::parse("30 * * * *", berlin);
  auto t = at("2026-10-25 00:30:00", berlin);
  for (int i = 0; i < 5; ++i) {
    auto n = *hourly.next(t);
    EXPECT_EQ(n - t, 3600) << i;
    t = n;
  }
}

TEST(schedule, fires_when_due_and_says_when_again) {
  schedule_spec s{.name = "s", .cron = "0 * * * *", .type = "T"};
  auto ten = at("2026-11-25 10:00:00") * 1000, eleven = ten + 3'600'000;
  auto fresh = step(s, 0, ten + 5);
  EXPECT_FALSE(fresh.fire);
  EXPECT_TRUE(fresh.note);
  EXPECT_EQ(fresh.next_ms, eleven);
  auto early = step(s, ten, eleven - 1);
  EXPECT_FALSE(early.fire || early.note);
  EXPECT_EQ(early.next_ms, eleven);
  auto due = step(s, ten, eleven + 20);
  EXPECT_TRUE(due.fire);
  EXPECT_EQ(due.for_ms, eleven);
  EXPECT_EQ(due.next_ms, eleven + 3'600'000);
  s.enabled = false;
  EXPECT_FALSE(step(s, ten, eleven + 20).fire);
}

TEST(schedule, missed_times_are_skipped_or_made_up_for_once) {
  schedule_spec s{.name = "s", .cron = "0 * * * *", .type = "T"};
  auto ten = at("2026-11-25 10:00:00") * 1000;
  auto later = ten + 1000LL * 3600 * 24 * 30 + 1'800'000;
  auto skipped = step(s, ten, later);
  EXPECT_FALSE(skipped.fire);
  EXPECT_TRUE(skipped.note);
  EXPECT_EQ(skipped.for_ms, later - 1'800'000);
  EXPECT_EQ(skipped.next_ms, later + 1'800'000);
  s.missed = schedule_spec::missed_times::once;
  EXPECT_TRUE(step(s, ten, later).fire);
  EXPECT_EQ(step(s, ten, later).for_ms, later - 1'800'000);
}

// Times are those of the tz database, in UTC: the rule must not be tested by the library it uses.
TEST(cron, local_times_that_do_not_exist_or_exist_twice_follow_one_rule_in_every_zone) {
  struct row {
    const char *zone, *line, *after, *first, *then;
  };
  for (auto& [zone, line, after, first, then] : {
           // Berlin, 2027-03-28: at 01:00 UTC 02:00 becomes 03:00. In the gap: right after it,
           // once.
           row{"Europe/Berlin", "30 2 * * *", "2027-03-27 12:00:00", "2027-03-28 01:00:00",
               "2027-03-29 00:30:00"},
           row{"Europe/Berlin", "45 2 * * *", "2027-03-27 12:00:00", "2027-03-28 01:00:00",
               "2027-03-29 00:45:00"},
           row{"Europe/Berlin", "*/15 2 * * *", "2027-03-27 12:00:00", "2027-03-28 01:00:00",
               "2027-03-29 00:00:00"},
           row{"Europe/Berlin", "15 3 * * *", "2027-03-27 12:00:00", "2027-03-28 01:15:00",
               "2027-03-29 01:15:00"},
           row{"Europe/Berlin", "0 2,3 * * *", "2027-03-27 12:00:00", "2027-03-28 01:00:00",
               "2027-03-29 00:00:00"},
           // 2026-10-25: at 01:00 UTC 03:00 becomes 02:00. Twice there: the first time alone.
           row{"Europe/Berlin", "30 2 * * *", "2026-10-24 12:00:00", "2026-10-25 00:30:00",
               "2026-10-26 01:30:00"},
           row{"Europe/Berlin", "30,45 2 * * *", "2026-10-25 00:30:00", "2026-10-25 00:45:00",
               "2026-10-26 01:30:00"},
           // New York, 2027-03-14 at 07:00 UTC, and 2026-11-01 at 06:00 UTC.
           row{"America/New_York", "30 2 * * *", "2027-03-13 12:00:00", "2027-03-14 07:00:00",
               "2027-03-15 06:30:00"},
           row{"America/New_York", "30 1 * * *", "2026-10-31 12:00:00", "2026-11-01 05:30:00",
               "2026-11-02 06:30:00"},
           // Lord Howe moves by half an hour: 2026-10-03 at 15:30 UTC 02:00 becomes 02:30, and
           // 2027-04-03 at 15:00 UTC 02:00 becomes 01:30.
           row{"Australia/Lord_Howe", "15 2 * * *", "2026-10-03 00:00:00", "2026-10-03 15:30:00",
               "2026-10-04 15:15:00"},
           row{"Australia/Lord_Howe", "45 2 * * *", "2026-10-03 00:00:00", "2026-10-03 15:45:00",
               "2026-10-04 15:45:00"},
           row{"Australia/Lord_Howe", "45 1 * * *", "2027-04-03 00:00:00", "2027-04-03 14:45:00",
               "2027-04-04 15:15:00"},
           // Lines for every hour go by the clock on the wall, and so evenly where it moves by an
           // hour.
           row{"America/New_York", "30 * * * *", "2026-11-01 05:00:00", "2026-11-01 05:30:00",
               "2026-11-01 06:30:00"},
           row{"Europe/Berlin", "30 * * * *", "2027-03-28 00:00:00", "2027-03-28 00:30:00",
               "2027-03-28 01:30:00"},
           row{"Australia/Lord_Howe", "45 * * * *", "2027-04-03 14:00:00", "2027-04-03 14:45:00",
               "2027-04-03 15:15:00"},
       }) {
    auto cron = cron_line::parse(line, zone);
    ASSERT_TRUE(cron);
    auto one = cron->next(at(after));
    ASSERT_TRUE(one);
    EXPECT_EQ(*one, at(first)) << zone << " " << line << " after " << after;
    EXPECT_EQ(*cron->next(*one), at(then)) << zone << " " << line << " after " << first;
  }
}

TEST(schedule, a_last_time_that_lies_ahead_counts_as_now) {
  schedule_spec s{.name = "s", .cron = "0 * * * *", .type = "T"};
  auto now = at("2026-11-25 10:20:00") * 1000, eleven = at("2026-11-25 11:00:00") * 1000;
  for (std::int64_t ahead : {10'001LL, 3'600'000LL, 1000LL * 3600 * 24 * 365 * 50}) {
    auto todo = step(s, now + ahead, now);
    EXPECT_TRUE(todo.set_back) << ahead;
    EXPECT_TRUE(todo.note) << "so that it is said once";
    EXPECT_FALSE(todo.fire);
    EXPECT_EQ(todo.for_ms, now);
    EXPECT_EQ(todo.next_ms, eleven);
    auto after = step(s, todo.for_ms, now + 1);
    EXPECT_FALSE(after.set_back || after.note);
    EXPECT_EQ(after.next_ms, eleven);
    EXPECT_TRUE(step(s, todo.for_ms, eleven).fire);
  }
  // Another host's clock is ahead by some seconds: what it fired for does not come twice.
  for (std::int64_t ahead : {1LL, 2'000LL, 10'000LL}) {
    auto todo = step(s, eleven, eleven - ahead);
    EXPECT_FALSE(todo.set_back || todo.note || todo.fire) << ahead;
    EXPECT_EQ(todo.next_ms, eleven + 3'600'000) << ahead;
  }
}

TEST(schedule, a_listing_says_when_the_clock_will_fire) {
  schedule_spec s{.name = "s", .cron = "0 * * * *", .type = "T"};
  auto document = print_json(to_json(s));
  auto now = at("2026-11-25 10:20:00") * 1000, eleven = at("2026-11-25 11:00:00") * 1000;
  for (std::int64_t last : {std::int64_t{0}, now - 1'200'000, now + std::int64_t{1000} * 3600 * 24})
    EXPECT_EQ(to_document(stored_schedule{"s", document, last}, now)["next_ms"], eleven) << last;
}

TEST(schedule, a_document_is_read_strictly_and_comes_back) {
  json document{{"name", "nightly"}, {"cron", "0 3 * * *"},    {"timezone", "Europe/Berlin"},
                {"type", "Report"},  {"argument", {{"a", 1}}}, {"queue", "low"},
                {"missed", "once"},  {"overlap", false}};
  auto s = schedule_from_json(document);
  ASSERT_TRUE(s) << to_string(s.error());
  EXPECT_EQ(*schedule_from_json(to_json(*s)), *s);
  for (auto [key, value, where] : {std::tuple{"cron", json("0 0 30 2 *"), "/cron"},
                                   {"timezone", json("Mars"), "/timezone"},
                                   {"queue", json("a b"), "/queue"},
                                   {"name", json(""), "/name"},
                                   {"type", json(""), "/type"},
                                   {"missed", json("maybe"), "/missed"},
                                   {"overlap", json(1), "/overlap"},
                                   {"colour", json("red"), "/colour"}}) {
    auto bad = document;
    bad[key] = value;
    auto refused = schedule_from_json(bad);
    ASSERT_FALSE(refused) << key;
    EXPECT_EQ(refused.error().where, where);
  }
  auto job = job_of(*s, 1000);
  EXPECT_EQ(job.lock, "schedule:nightly");
  EXPECT_EQ(decode_payload(job.payload)->lock, job.lock);
  EXPECT_EQ(decode_payload(job.payload)->argument()["a"], 1);
}

TEST(cron, a_zone_is_a_name_and_no_path) {
  for (auto* zone : {"/etc/localtime", "../../etc/passwd", "file:/etc/localtime", "Europe/../UTC",
                     "libc:localtime", "Europe//Berlin", ".hidden", "Europe/", "-x", "a b"})
    EXPECT_EQ(cron_line::parse("* * * * *", zone).error().where, "timezone") << zone;
  for (auto* zone : {"Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC", ""})
    EXPECT_TRUE(cron_line::parse("* * * * *", zone)) << zone;
}

}  // namespace sm
