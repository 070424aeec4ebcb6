#include "table.hpp"

#include <gtest/gtest.h>

#include <map>

#include "views.hpp"

namespace sm::ctl {
namespace {

json service(const std::string& name, const std::string& state, json more = json::object()) {
  json document{{"name", name},
                {"type", "tool"},
                {"group", "front"},
                {"tags", json::array()},
                {"state", state},
                {"desired", "running"},
                {"instances", {{"desired", 1}, {"running", 1}, {"ready", 1}}},
                {"ready", state == "RUNNING"},
                {"restarts", 0},
                {"last_exit", nullptr},
                {"reason", nullptr},
                {"node", "local"},
                {"uptime_s", 3725},
                {"pid", 12345},
                {"cpu_seconds", 12.5},
                {"memory_bytes", 5'242'880}};
  document.update(more);
  return document;
}

const json listing{
    {"services",
     {service("web", "RUNNING"),
      service("a-service-with-a-long-name", "FATAL",
              {{"pid", nullptr},
               {"reason", "too many restarts within 1m, the last one ended by exit code 1"}})}}};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::string_view rest = text; !rest.empty();) {
    auto end = rest.find('\n');
    lines.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  return lines;
}

}  // namespace

TEST(table, fits_by_leaving_columns_out_and_never_wraps) {
  auto table = status_table(listing, {});
  for (std::size_t width = 1; width <= 220; ++width)
    for (auto& line : lines_of(print(table, width, false)))
      EXPECT_LE(display_width(line), std::max<std::size_t>(width, 4)) << width << ": " << line;

  auto at_40 = lines_of(print(table, 40, false));
  ASSERT_EQ(at_40.size(), 3U);
  EXPECT_EQ(at_40[0], "NAME                        STATE");
  EXPECT_EQ(at_40[1], "web                         RUNNING");
  EXPECT_EQ(at_40[2], "a-service-with-a-long-name  FATAL");

  auto at_80 = lines_of(print(table, 80, false));
  EXPECT_EQ(at_80[0], "NAME                        STATE    READY    PID  UPTIME   MEM  NOTE");
  EXPECT_EQ(at_80[1], "web                         RUNNING  1/1    12345   1h02m  5.0M");
  EXPECT_EQ(at_80[2],
            "a-service-with-a-long-name  FATAL    1/1        -       -  5.0M  too many resta…");

  auto at_200 = lines_of(print(table, 200, false));
  EXPECT_EQ(at_200[0],
            "NAME                        STATE    READY    PID  UPTIME  RESTARTS  CPU   MEM  NOTE");
  EXPECT_EQ(at_200[1],
            "web                         RUNNING  1/1    12345   1h02m         0  12s  5.0M");
  EXPECT_EQ(at_200[2],
            "a-service-with-a-long-name  FATAL    1/1        -       -         0  12s  5.0M  too "
            "many restarts within 1m, the last one ended by exit code 1");
  EXPECT_EQ(print(table, 0, false), print(table, 1000, false));
}

TEST(table, shows_nothing_that_a_terminal_obeys) {
  EXPECT_EQ(harmless("a\x1b[31mb\x07\x7f\r\n"), "a\\x1b[31mb\\x07\\x7f\\x0d\\n");
  EXPECT_EQ(harmless("\xc2\x9b"
                     "31m"),
            "\\xc2\\x9b31m")
      << "CSI as one character of C1";
  EXPECT_EQ(harmless("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(harmless("Zürich 東京"), "Zürich 東京");
  EXPECT_EQ(harmless("\xe2\x80\xae"
                     "txt.exe"),
            "\\xe2\\x80\\xaetxt.exe")
      << "turned around";
  EXPECT_EQ(harmless("a\tb", true), "a\tb");
  EXPECT_EQ(harmless("a\tb"), "a b");
  table t{{{"NAME", 0}}, {{{"\x1b]0;title\x07"}}}};
  EXPECT_EQ(print(t, 80, false).find('\x1b'), std::string::npos);
}

TEST(table, counts_the_columns_that_characters_take) {
  EXPECT_EQ(display_width("Zürich"), 6U);
  EXPECT_EQ(display_width("東京"), 4U);
  EXPECT_EQ(fitted("東京タワー", 5), "東京…");
  EXPECT_EQ(fitted("abcdef", 6), "abcdef");
  EXPECT_EQ(fitted("abcdef", 5), "abcd…");
  EXPECT_EQ(fitted("abcdef", 0), "");
}

TEST(table, is_in_colour_only_where_it_is_wanted) {
  auto table = status_table(listing, {});
  EXPECT_EQ(print(table, 80, false).find('\x1b'), std::string::npos);
  auto coloured = print(table, 80, true);
  EXPECT_NE(coloured.find("\x1b[32mRUNNING"), std::string::npos);
  EXPECT_NE(coloured.find("\x1b[31mFATAL"), std::string::npos);
}

TEST(views, tell_what_is_down) {
  struct {
    json service;
    bool named, all;
  } const rows[] = {
      {service("a", "RUNNING"), false, false},
      {service("a", "FATAL"), true, true},
      {service("a", "BACKOFF"), true, true},
      {service("a", "STARTING"), true, true},
      {service("a", "STOPPED", {{"desired", "stopped"}}), true, false},
      {service("a", "EXITED"), true, true},
      {service("a", "EXITED", {{"done", true}}), true, false},
      {service("a", "STOPPED", {{"instances", {{"desired", 0}}}}), true, false},
  };
  for (auto& row : rows) {
    EXPECT_EQ(is_down(row.service, true), row.named) << row.service;
    EXPECT_EQ(is_down(row.service, false), row.all) << row.service;
  }
}

TEST(views, say_the_most_important_of_a_service) {
  EXPECT_EQ(note_of(service("a", "RUNNING")), "");
  EXPECT_EQ(
      note_of(service("a", "BACKOFF", {{"last_exit", "exit code 3"}, {"next_start_in", "2s"}})),
      "starts in 2s; exit code 3");
  EXPECT_EQ(note_of(service("a", "STARTING", {{"waits_for", "db"}})), "waits for db");
  EXPECT_EQ(note_of(service("a", "RUNNING", {{"outdated", true}, {"rollout", "under way"}})),
            "reload under way; outdated");
}

TEST(views, say_who_wants_a_service) {
  for (auto& [origin, told] : std::map<std::string, std::string>{{"file", "the configuration file"},
                                                                 {"code", "the program's code"},
                                                                 {"hand", "added by hand"}}) {
    auto shown = service("a", "RUNNING", {{"origin", origin}, {"spec", {{"restart", "always"}}}});
    EXPECT_NE(service_text(shown, false).find("from: " + told), std::string::npos) << origin;
  }
}

TEST(views, tell_times_and_sizes_shortly) {
  EXPECT_EQ(short_time(0), "0s");
  EXPECT_EQ(short_time(59), "59s");
  EXPECT_EQ(short_time(60), "1m00s");
  EXPECT_EQ(short_time(3599), "59m59s");
  EXPECT_EQ(short_time(3600), "1h00m");
  EXPECT_EQ(short_time(90'000), "1d01h");
  EXPECT_EQ(short_size(0), "0B");
  EXPECT_EQ(short_size(1023), "1023B");
  EXPECT_EQ(short_size(1536), "1.5K");
  EXPECT_EQ(short_size(200.0 * 1024 * 1024), "200M");
}

TEST(views, sort_top_by_what_was_asked_for) {
  json two{
      {"services",
       {service("idle", "RUNNING", {{"pid", 1}, {"memory_bytes", 9e6}}),
        service("busy", "RUNNING", {{"pid", 2}, {"cpu_seconds", 14.0}, {"memory_bytes", 1e6}})}}};
  cpu_times before{{"idle/1", 12.5}, {"busy/2", 12.0}};
  auto first = [&](const char* sort) { return top_table(two, before, 2, sort).rows[0]; };
  EXPECT_EQ(first("cpu")[0].text, "busy");
  EXPECT_EQ(first("cpu")[4].text, "100.0");
  EXPECT_EQ(first("mem")[0].text, "idle");
  EXPECT_EQ(first("name")[0].text, "idle");
  // A new process has no share yet, however much the old one took.
  EXPECT_EQ(top_table(two, {{"busy/7", 1.0}}, 2, "cpu").rows[1][4].text, "0.0");
}

}  // namespace sm::ctl
