#include "dashboard/pages.hpp"

#include <gtest/gtest.h>

#include <set>

#include "api/operations.hpp"
#include "dashboard/assets.hpp"
#include "dashboard/templates.hpp"
#include "http/router.hpp"

namespace sm {
namespace {

using namespace std::string_literals;

const dashboard_page& page_at(std::string_view path) {
  for (auto& page : dashboard_pages())
    if (page.path == path) return page;
  throw std::logic_error("no such page");
}

page_request by(api_role role) {
  return {.captured = {{"name", "web"}, {"queue", "default"}, {"id", "0a1b"}},
          .role = role,
          .who = "tests",
          .signed_in = true,
          .program = "app",
          .version = "1",
          .now_ms = 1'000'000'000'000};
}

/// A document with an entry of everything that a page looks at, each text `text`.
page_documents documents_with(const std::string& text) {
  json instance{{"name", "web:0"},    {"state", "BACKOFF"},   {"ready", false},
                {"restarts", 3},      {"uptime_s", 5},        {"last_exit", text},
                {"last_end", text},   {"reason", text},       {"next_start_in", "2s"},
                {"cpu_seconds", 1.5}, {"memory_bytes", 4096}, {"pid", 17}};
  json service{{"name", text},
               {"type", text},
               {"group", text},
               {"state", "FATAL"},
               {"desired", "running"},
               {"origin", "file"},
               {"ready", false},
               {"instances", {{"desired", 2}, {"running", 1}, {"ready", 0}}},
               {"restarts", 3},
               {"reason", text},
               {"last_exit", text},
               {"instance_list", json::array({instance})},
               {"commands", json::array({text})},
               {"spec", {{"name", text}, {"type", text}, {"env", {{"A", text}}}}}};
  json event{{"index", 7},
             {"type", "service.state"},
             {"data",
              {{"time", "2026-11-30T16:41:30.000000Z"},
               {"service", text},
               {"instance", text},
               {"state", "FATAL"},
               {"reason", text}}}};
  json queue{{"name", text},
             {"ready", 1},
             {"running", 2},
             {"delayed", 3},
             {"latency_s", 90.0},
             {"paused", true},
             {"limits", {{"rate", 5}, {"period", text}}}};
  json job{{"id", text},      {"queue", text},          {"type", text},
           {"state", "dead"}, {"args", {{"to", text}}}, {"exception", text},
           {"error", text},   {"failed_at_ms", 1'000},  {"enqueued_at_ms", 1'000}};
  json schedule{{"name", text},
                {"cron", text},
                {"timezone", text},
                {"type", text},
                {"queue", text},
                {"last_ms", 0},
                {"next_ms", 1'000'000'005'000}};
  json token{{"name", text},    {"role", "viewer"},   {"prefix", text},
             {"created", text}, {"expires", nullptr}, {"last_used", nullptr}};
  json past{{"step_s", 20}, {"until_ms", 0}};
  for (auto* name : {"done", "failed", "took_s", "ready", "latency_s"}) past[name] = {1, 2, 0};
  page_documents all;
  all["services"] = json{{"services", json::array({service})}};
  all["service"] = service;
  all["log"] = json(text);
  all["events"] = json{{"events", json::array({event})}};
  all["queues"] = json{{"queues", json::array({queue})}, {"dead", 4}};
  all["queue"] = queue;
  all["jobs"] = json{{"jobs", json::array({job})}, {"next", 50}};
  all["failed"] = json{{"failed", json::array({job})}, {"next", 50}};
  all["job"] = job;
  all["history"] = past;
  all["schedules"] = json{{"schedules", json::array({schedule})}};
  all["daemon"] = json{{"pid", 1}, {"state", text}, {"config", nullptr}};
  json entry{{"n", 7},       {"ts", "2026-11-30T16:41:30.000000Z"},
             {"by", text},   {"operation", text},
             {"path", text}, {"status", 403},
             {"code", text}, {"detail", text}};
  all["audit"] = json{{"entries", json::array({entry})}};
  all["tokens"] = json{{"tokens", json::array({token})}};
  return all;
}

/// Documents of a manager that has nothing yet.
page_documents no_entries() {
  page_documents all;
  for (auto& page : dashboard_pages())
    for (auto& source : page.sources) all[std::string(source.name)] = json::object();
  return all;
}

}  // namespace

TEST(pages, show_what_operations_of_the_table_answer) {
  router<const operation*> served;
  for (auto& op : operations()) ASSERT_TRUE(served.add(op.method, op.path, &op));
  for (auto& page : dashboard_pages())
    for (auto& source : page.sources) {
      auto rq = by(api_role::admin);
      auto name_of = [](std::string_view pass) { return pass.substr(0, pass.find('=')); };
      for (auto pass : source.passes) rq.query[std::string(name_of(pass))] = "1";
      auto target = target_of(source, rq);
      auto path = target.substr(0, target.find('?'));
      auto found = served.lookup("GET", path);
      auto* match = std::get_if<router<const operation*>::match>(&found);
      ASSERT_TRUE(match) << page.path << ": " << target;
      auto& op = **match->value;
      EXPECT_LE(op.role, source.role) << page.path << ": " << target;
      auto query = target.find('?') == target.npos ? "" : target.substr(target.find('?') + 1);
      for (auto& name : query_names(query))
        EXPECT_TRUE(std::any_of(op.query.begin(), op.query.end(),
                                [&](auto& field) { return field.name == name; }))
            << page.path << ": " << target << " asks for " << name;
      for (auto pass : source.passes)
        EXPECT_NE(std::find(page.query.begin(), page.query.end(), name_of(pass)), page.query.end())
            << page.path << " takes no " << pass;
    }
}

TEST(pages, what_is_passed_on_may_have_a_value_that_stands_for_none) {
  auto rq = by(api_role::viewer);
  page_source source{"services", "/v1/services", {"q", "limit=100"}};
  EXPECT_EQ(target_of(source, rq), "/v1/services?limit=100");
  rq.query = {{"q", "web"}, {"limit", "5"}};
  EXPECT_EQ(target_of(source, rq), "/v1/services?q=web&limit=5");
}

TEST(pages, a_captured_name_is_encoded_on_its_way) {
  auto rq = by(api_role::viewer);
  rq.captured["name"] = "a b/c?d";
  rq.query["stream"] = "x&y";
  EXPECT_EQ(target_of({"log", "/v1/services/:name/logs?lines=9", {"stream"}}, rq),
            "/v1/services/a%20b%2Fc%3Fd/logs?lines=9&stream=x%26y");
  EXPECT_EQ(target_of({"events", "/v1/events/recent?service=:name&limit=5"}, rq),
            "/v1/events/recent?service=a%20b%2Fc%3Fd&limit=5");
}

TEST(pages, templates_want_nothing_that_models_do_not_have) {
  for (auto role : {api_role::viewer, api_role::operate, api_role::admin})
    for (auto& documents : {documents_with("text"), no_entries()})
      for (auto& page : dashboard_pages()) {
        std::set<std::string> missing;
        auto shown = render_page(page, by(role), documents, &missing);
        EXPECT_EQ(shown.status, 200U) << page.path;
        for (auto& name : missing) ADD_FAILURE() << page.path << " wants " << name;
      }
}

TEST(pages, whatever_texts_hold_no_tag_of_theirs_is_in_a_page) {
  auto evil = R"(<script>alert("1")</script>'"><img src=x onerror=y>&{{name}}{{{name}}})"s;
  for (auto& page : dashboard_pages()) {
    auto rq = by(api_role::admin);
    for (auto& [name, value] : rq.captured) value = evil;
    for (auto name : page.query) rq.query[std::string(name)] = evil;
    rq.who = rq.program = evil;
    auto shown = render_page(page, rq, documents_with(evil));
    EXPECT_EQ(shown.body.find("<script>"), std::string::npos) << page.path;
    EXPECT_EQ(shown.body.find("<img"), std::string::npos) << page.path;
    EXPECT_EQ(shown.body.find("'\">"), std::string::npos) << page.path;
    EXPECT_EQ(shown.body.find("=\"javascript:"), std::string::npos) << page.path;
  }
}

TEST(pages, who_may_only_look_sees_no_button) {
  for (auto& page : dashboard_pages()) {
    auto shown = render_page(page, by(api_role::viewer), documents_with("text")).body;
    for (auto* verb : {"data-verb", "data-scale", "data-command", "data-gather", "data-plan"})
      EXPECT_EQ(shown.find(verb), std::string::npos) << page.path << " has " << verb;
  }
  auto shown =
      render_page(page_at("/ui/services/:name"), by(api_role::operate), documents_with("text"));
  EXPECT_NE(shown.body.find("data-verb"), std::string::npos);
  EXPECT_EQ(shown.body.find(">Remove<"), std::string::npos) << "an admin decides what runs";
}

TEST(pages, buttons_name_verbs_that_the_script_knows) {
  std::string_view script;
  for (auto& asset : dashboard_assets())
    if (asset.path.ends_with("/actions.js")) script = asset.bytes;
  for (auto& page : dashboard_pages()) {
    auto shown = render_page(page, by(api_role::admin), documents_with("text")).body;
    constexpr std::string_view begin = "data-verb=\"";
    for (auto at = shown.find(begin); at != shown.npos; at = shown.find(begin, at)) {
      at += begin.size();
      auto verb = shown.substr(at, shown.find('"', at) - at);
      EXPECT_NE(script.find("\n  " + verb + ": {"), script.npos) << page.path << ": " << verb;
    }
  }
}

TEST(pages, without_what_it_is_about_a_page_says_why_with_its_status) {
  auto documents = documents_with("text");
  documents["service"] = tl::unexpected<error>(
      error{errc::unknown_service, "there is no service called 'web'", "web"});
  auto shown = render_page(page_at("/ui/services/:name"), by(api_role::viewer), documents);
  EXPECT_EQ(shown.status, 404U);
  EXPECT_NE(shown.body.find("there is no service called &apos;web&apos;"), std::string::npos);
  documents = documents_with("text");
  documents["queues"] = tl::unexpected<error>(error{errc::unavailable, "redis is away", {}});
  shown = render_page(page_at("/ui"), by(api_role::viewer), documents);
  EXPECT_EQ(shown.status, 200U) << "the queue is not all";
  EXPECT_NE(shown.body.find("redis is away"), std::string::npos);
}

TEST(pages, tell_browsers_to_load_and_frame_nothing_else) {
  for (auto shown : {render_page(page_at("/ui"), by(api_role::viewer), no_entries()),
                     sign_in_page({.program = "app"}, 401)}) {
    std::map<std::string, std::string> headers(shown.headers.begin(), shown.headers.end());
    EXPECT_NE(headers["Content-Security-Policy"].find("default-src 'none'"), std::string::npos);
    EXPECT_NE(headers["Content-Security-Policy"].find("frame-ancestors 'none'"), std::string::npos);
    EXPECT_EQ(headers["Cache-Control"], "no-store");
    // What the policy forbids would silently do nothing.
    EXPECT_EQ(shown.body.find(" style="), std::string::npos);
    EXPECT_EQ(shown.body.find(" on"), shown.body.find(" once"));
  }
}

TEST(pages, one_goes_on_to_pages_of_the_dashboard_alone) {
  EXPECT_EQ(page_to_go_to("/ui/services?q=a"), "/ui/services?q=a");
  for (auto* other : {"", "/", "//evil.example", "https://evil.example/ui", "/uix", "/ui/sign-in",
                      "/ui/a\r\nX: y", "/v1/services"})
    EXPECT_EQ(page_to_go_to(other), "/ui") << other;
}

TEST(pages, their_files_are_there_and_have_a_version) {
  EXPECT_EQ(version_of_assets().size(), 16U);
  for (auto& asset : dashboard_assets()) {
    EXPECT_TRUE(asset.path.starts_with("/ui/assets/"));
    EXPECT_FALSE(asset.bytes.empty()) << asset.path;
  }
}

}  // namespace sm
