// GET /metrics of a running manager.
#include <set>
#include <sstream>

#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class metrics_fixture : public supervision_fixture {
 protected:
  std::string page() const { return app.api("GET", "/metrics").body; }
  bool has(const std::string& line) const {
    return ("\n" + page()).find("\n" + line + "\n") != std::string::npos;
  }
  /// The sample's value; -1 when there is none.
  double value(const std::string& sample) const {
    auto text = "\n" + page();
    auto at = text.find("\n" + sample + " ");
    return at == text.npos ? -1 : std::stod(text.substr(at + sample.size() + 2));
  }
};

}  // namespace

TEST_F(metrics_fixture, services_show_their_state_and_what_became_of_their_processes) {
  EXPECT_TRUE(has(R"(sm_service_state{service="a",state="RUNNING"} 1)")) << page();
  EXPECT_TRUE(has(R"(sm_service_instances{service="a",state="ready"} 1)"));
  EXPECT_GT(value(R"(sm_service_memory_bytes{service="a",process="a:0"})"), 0);
  EXPECT_EQ(value(R"(sm_service_restarts_total{service="a"})"), 0);
  EXPECT_EQ(value(R"(sm_service_start_duration_seconds_count{service="a"})"), 1);
  ::kill(app.instance_pid("a"), SIGKILL);
  ASSERT_TRUE(eventually([&] { return app.service("a")["restarts"] == 1 && app.all_ready(); }));
  EXPECT_EQ(value(R"(sm_service_restarts_total{service="a"})"), 1);
  EXPECT_EQ(value(R"(sm_service_exits_total{service="a",signal="SIGKILL"})"), 1);
  EXPECT_EQ(value(R"(sm_service_start_duration_seconds_count{service="a"})"), 2);
  ASSERT_EQ(app.api("DELETE", "/v1/services/a").status, 200);
  ASSERT_TRUE(eventually([&] { return page().find("service=\"a\"") == std::string::npos; }))
      << "what is removed is no more";
}

TEST_F(metrics_fixture, requests_and_commands_are_counted_where_they_went) {
  auto at = [](const std::string& route, int code) {
    return "sm_http_requests_total{method=\"GET\",route=\"" + route + "\",code=\"" +
           std::to_string(code) + "\"}";
  };
  ASSERT_EQ(app.api("GET", "/v1/services/a").status, 200);
  ASSERT_EQ(app.api("GET", "/v1/services/nobody").status, 404);
  ASSERT_EQ(app.api("GET", "/no/such/path").status, 404);
  ASSERT_EQ(app.get("/gather").status, 200);
  EXPECT_EQ(value(at("/v1/services/:name", 404)), 1);
  EXPECT_GE(value(at("/v1/services/:name", 200)), 1);
  EXPECT_EQ(value("sm_http_requests_total{code=\"404\"}"), 1);
  EXPECT_EQ(value(at("/gather", 200)), 1);
  EXPECT_EQ(value("sm_http_request_duration_seconds_count{method=\"GET\",route=\"/gather\"}"), 1);
  EXPECT_GE(value("sm_http_connections"), 1);
  EXPECT_EQ(app.api("POST", "/v1/services/a/commands/no_such").status, 404);
  EXPECT_EQ(value(R"(sm_command_targets_total{outcome="unknown_command"})"), 1);
  EXPECT_GT(value("process_resident_memory_bytes"), 0);
  EXPECT_GT(value("sm_events_total"), 0);
}

TEST_F(metrics_fixture, what_a_service_counts_is_shown_with_whose_it_is) {
  const std::string counted = R"(tool_counted_total{kind="told",service="a",process="a:0"})";
  ASSERT_TRUE(eventually([&] { return value(counted) == 0; })) << "before it has counted";
  ASSERT_EQ(app.api("POST", "/v1/services/a/commands/count", "2").status, 200);
  ASSERT_EQ(app.api("POST", "/v1/services/a/commands/count", "0.5").status, 200);
  ASSERT_TRUE(eventually([&] { return value(counted) == 2.5; })) << page();
  EXPECT_EQ(value(R"(tool_took_seconds_count{service="a",process="a:0"})"), 2);
  EXPECT_EQ(value(R"(tool_took_seconds_bucket{service="a",process="a:0",le="1.0"})"), 1);
  // The next manager hears it from the process, which goes on.
  app.signal(SIGKILL);
  app.wait();
  app.start();
  ASSERT_TRUE(eventually([&] { return value(counted) == 2.5; })) << page();
  ::kill(app.instance_pid("a"), SIGKILL);
  ASSERT_TRUE(eventually([&] { return value(counted) == 0; })) << "a new process begins anew";
}

/// What the text form asks for beyond its grammar: a family's lines stand together, introduced
/// once, counters end in _total, and nothing comes twice or behind the end.
TEST_F(metrics_fixture, the_page_is_one_that_strict_readers_take) {
  ASSERT_EQ(app.get("/gather").status, 200);
  auto text = page();
  auto documented = text_of(METRICS_PAGE);
  std::istringstream in(text);
  std::set<std::string> families, samples;
  std::string family, type;
  for (std::string line; std::getline(in, line);) {
    if (line == "# EOF") {
      EXPECT_EQ(in.peek(), std::char_traits<char>::eof());
      break;
    }
    std::istringstream words(line);
    std::string first, what, name;
    words >> first >> what >> name;
    if (first == "#") {
      if (what == "HELP") {
        EXPECT_EQ(name, family) << line;
        continue;
      }
      ASSERT_EQ(what, "TYPE") << line;
      words >> type;
      family = name;
      EXPECT_TRUE(families.insert(family).second) << line;
      auto told = family + (type == "counter" ? "_total" : "");
      bool own = !family.starts_with("sm_") && !family.starts_with("process_");
      EXPECT_TRUE(own || documented.find("`" + told + "`") != std::string::npos)
          << told << " in the docs";
      continue;
    }
    auto sample = first.substr(0, line.find_first_of("{ "));
    ASSERT_TRUE(sample.starts_with(family)) << line;
    std::map<std::string, std::set<std::string>> suffixes{
        {"counter", {"_total"}},
        {"gauge", {""}},
        {"info", {"_info"}},
        {"histogram", {"_bucket", "_sum", "_count"}},
        {"summary", {"_sum", "_count"}}};
    EXPECT_TRUE(suffixes[type].contains(sample.substr(family.size()))) << line;
    EXPECT_TRUE(samples.insert(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_GT(families.size(), 25U);
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

}  // namespace sm::test
