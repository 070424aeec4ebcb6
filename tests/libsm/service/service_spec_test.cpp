#include <gtest/gtest.h>

#include <cstring>
#include <sm/service_spec.hpp>

#include "schema/spec_fields.hpp"

namespace sm {
using namespace std::chrono_literals;

namespace {
service_spec valid() { return {.name = "web", .type = "demo"}; }

std::string field_at_fault(const json& document) {
  auto spec = spec_from_json(document, valid());
  return spec ? "" : spec.error().where;
}
}  // namespace

TEST(service_spec, the_json_form_reads_back_as_the_same_specification) {
  service_spec s{.name = "web",
                 .type = "demo",
                 .params = {{"data", 1}},
                 .instances = 3,
                 .restart = restart_policy::on_failure,
                 .success_exit_codes = {0, 3},
                 .backoff = {.min = 50ms, .max = 2s, .factor = 3, .jitter = 0, .reset_after = 1min},
                 .intensity = {.restarts = 2, .window = 1s},
                 .start_timeout = 1500ms,
                 .stop_timeout = 2s,
                 .stop_signal = "INT",
                 .after = {"a"},
                 .requires_ = {"b"},
                 .group = "g",
                 .tags = {"t"}};
  auto back = spec_from_json(to_json(s));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(*back, s);
  auto kept = spec_from_json(to_short_json(s));
  ASSERT_TRUE(kept) << to_string(kept.error());
  EXPECT_EQ(*kept, s);
}

TEST(service_spec, what_is_as_by_default_is_not_kept) {
  auto s = valid();
  s.backoff.factor = 5;
  s.reload.order = "start-first";
  EXPECT_EQ(to_short_json(s), (json{{"name", "web"},
                                    {"type", "demo"},
                                    {"backoff", {{"factor", 5}}},
                                    {"reload", {{"order", "start-first"}}}}));
}

TEST(service_spec, a_document_changes_only_what_it_mentions) {
  auto base = valid();
  base.instances = 4;
  base.backoff.factor = 5;
  auto patched = spec_from_json({{"backoff", {{"min", "1s"}}}}, base);
  ASSERT_TRUE(patched);
  EXPECT_EQ(patched->instances, 4U);
  EXPECT_EQ(patched->backoff.min, 1s);
  EXPECT_EQ(patched->backoff.factor, 5);
}

TEST(service_spec, bad_fields_are_named_by_their_path) {
  EXPECT_EQ(field_at_fault({{"name", "a/b"}}), "/name");
  EXPECT_EQ(field_at_fault({{"name", ""}}), "/name");
  EXPECT_EQ(field_at_fault({{"name", "-a"}}), "/name");
  EXPECT_EQ(field_at_fault({{"name", std::string(65, 'a')}}), "/name");
  EXPECT_EQ(field_at_fault({{"type", 3}}), "/type");
  EXPECT_EQ(field_at_fault({{"type", ""}}), "/type");
  EXPECT_EQ(field_at_fault({{"params", json::array()}}), "/params");
  EXPECT_EQ(field_at_fault({{"instances", -1}}), "/instances");
  EXPECT_EQ(field_at_fault({{"instances", 1.5}}), "/instances");
  EXPECT_EQ(field_at_fault({{"instances", 1001}}), "/instances");
  EXPECT_EQ(field_at_fault({{"restart", "sometimes"}}), "/restart");
  EXPECT_EQ(field_at_fault({{"success_exit_codes", {0, 256}}}), "/success_exit_codes");
  EXPECT_EQ(field_at_fault({{"success_exit_codes", {0, "x"}}}), "/success_exit_codes/1");
  EXPECT_EQ(field_at_fault({{"backoff", {{"min", "0ms"}}}}), "/backoff/min");
  EXPECT_EQ(field_at_fault({{"backoff", {{"max", "1ms"}}}}), "/backoff/max");
  EXPECT_EQ(field_at_fault({{"backoff", {{"factor", 0.5}}}}), "/backoff/factor");
  EXPECT_EQ(field_at_fault({{"backoff", {{"jitter", 2}}}}), "/backoff/jitter");
  EXPECT_EQ(field_at_fault({{"backoff", {{"typo", 2}}}}), "/backoff/typo");
  EXPECT_EQ(field_at_fault({{"start_timeout", 5}}), "/start_timeout");
  EXPECT_EQ(field_at_fault({{"stop_timeout", "5 minutes"}}), "/stop_timeout");
  EXPECT_EQ(field_at_fault({{"stop_signal", "BANG"}}), "/stop_signal");
  EXPECT_EQ(field_at_fault({{"after", {"web"}}}), "/after");
  EXPECT_EQ(field_at_fault({{"requires", {"a b"}}}), "/requires");
  EXPECT_EQ(field_at_fault({{"instanzes", 1}}), "/instanzes");
  EXPECT_EQ(spec_from_json(json::array()).error().code, errc::invalid_spec);
}

TEST(service_spec, an_unknown_field_is_answered_with_the_nearest_one_at_its_place) {
  for (auto [document, where, meant] :
       {std::tuple{R"({"instanzes": 1})", "/instanzes", "instances"},
        {R"({"backoff": {"mix": "1s"}})", "/backoff/mix", "min"},
        {R"({"intensity": {"restart": 1}})", "/intensity/restart", "restarts"},
        {R"({"ready": {"knd": "tcp"}})", "/ready/knd", "kind"},
        {R"({"health": {"intervall": "1s"}})", "/health/intervall", "interval"},
        {R"({"log": {"kepp": 1}})", "/log/kepp", "keep"},
        {R"({"reload": {"bacth": 1}})", "/reload/bacth", "batch"},
        {R"({"command": ["x"], "rlimits": {"nofiles": "1"}})", "/rlimits/nofiles", "nofile"}}) {
    auto spec = spec_from_json(json::parse(document), {.name = "web"});
    ASSERT_FALSE(spec) << document;
    EXPECT_EQ(spec.error().where, where);
    EXPECT_NE(spec.error().detail.find("'" + std::string(meant) + "'"), std::string::npos)
        << spec.error().detail;
  }
}

TEST(service_spec, no_text_has_a_nul_wherever_it_stands) {
  for (auto [field, where] : {std::pair{R"("name": "w\u0000")", "/name"},
                              {R"("user": "nobody\u0000x")", "/user"},
                              {R"("user_group": "nogroup\u0000x")", "/user_group"},
                              {R"("directory": "/tmp\u0000/x")", "/directory"},
                              {R"("command": ["true\u0000x"])", "/command/0"},
                              {R"("command": ["echo", "\u0000"])", "/command/1"},
                              {R"("env": {"A": "b\u0000c"})", "/env/A"},
                              {R"("env": {"A\u0000": "b"})", "/env/A"},
                              {R"("inherit_env": ["A\u0000"])", "/inherit_env/0"},
                              {R"("stop_signal": "TERM\u0000")", "/stop_signal"},
                              {R"("umask": "022\u0000")", "/umask"},
                              {R"("rlimits": {"nofile": "1\u0000"})", "/rlimits/nofile"},
                              {R"("sockets": ["127.0.0.1:80\u0000"])", "/sockets/0"},
                              {R"("health": {"target": "a:1\u0000"})", "/health/target"},
                              {R"("tags": ["t\u0000"])", "/tags/0"}}) {
    auto spec = spec_from_json(json::parse("{" + std::string(field) + "}"),
                               {.name = "web", .command = {"true"}});
    ASSERT_FALSE(spec) << field;
    EXPECT_EQ(spec.error().code, errc::invalid_spec);
    EXPECT_EQ(spec.error().where.substr(0, std::strlen(where)), where);
  }
}

TEST(service_spec, a_number_is_what_it_says_or_refused) {
  auto of_program = [](const char* field) {
    auto spec = spec_from_json(json::parse("{" + std::string(field) + "}"),
                               {.name = "web", .command = {"true"}});
    return spec ? std::string() : spec.error().where;
  };
  EXPECT_EQ(of_program(R"("nice": 4294967301)"), "/nice");
  EXPECT_EQ(of_program(R"("nice": 20)"), "/nice");
  EXPECT_EQ(of_program(R"("nice": "5")"), "/nice");
  EXPECT_EQ(of_program(R"("nice": -20)"), "");
  EXPECT_EQ(of_program(R"("umask": "022")"), "");
  for (auto* mask : {"9", "1777", "-22", "+22", " 22", "0x1f", "00000000000000000000008"})
    EXPECT_EQ(of_program((R"("umask": ")" + std::string(mask) + "\"").c_str()), "/umask") << mask;
  EXPECT_EQ(of_program(R"("memory_max": 18446744073709551615)"), "/memory_max");
  EXPECT_EQ(of_program(R"("memory_max": 18446744073709551616)"), "/memory_max");
  EXPECT_EQ(of_program(R"("memory_max": "64 MiB")"), "/memory_max");
  EXPECT_EQ(of_program(R"("memory_max": -1)"), "/memory_max");
  EXPECT_EQ(of_program(R"("instances": 4294967297)"), "/instances");
  EXPECT_EQ(of_program(R"("success_exit_codes": [4294967296])"), "/success_exit_codes/0");
  EXPECT_EQ(of_program(R"("success_exit_codes": [true])"), "/success_exit_codes/0");
  EXPECT_EQ(of_program(R"("rlimits": {"nofile": "+5"})"), "/rlimits/nofile");
  EXPECT_EQ(of_program(R"("rlimits": {"nofile": 5})"), "/rlimits/nofile");
  EXPECT_EQ(of_program(R"("health": {"kind": "tcp", "target": "a:99999"})"), "/health/target");
  EXPECT_EQ(of_program(R"("health": {"kind": "tcp", "target": "a: 1"})"), "/health/target");
  EXPECT_EQ(of_program(R"("health": {"kind": "tcp", "target": "a:0"})"), "/health/target");
  EXPECT_EQ(of_program(R"("sockets": ["127.0.0.1:65536"])"), "/sockets");
}

TEST(service_spec, a_start_timeout_that_is_not_given_depends_on_what_is_started) {
  EXPECT_EQ(spec_from_json({{"name", "a"}, {"type", "t"}})->start_timeout, 10s);
  EXPECT_EQ(spec_from_json({{"name", "a"}, {"command", {"x"}}})->start_timeout, 90s);
  EXPECT_EQ(
      spec_from_json({{"name", "a"}, {"command", {"x"}}, {"start_timeout", "3s"}})->start_timeout,
      3s);
  EXPECT_EQ(field_at_fault({{"start_timeout", "0ms"}}), "/start_timeout");
}

TEST(service_spec, what_only_programs_have_is_refused_for_types) {
  EXPECT_EQ(field_at_fault({{"kill_mode", "group"}}), "/kill_mode");
  EXPECT_EQ(field_at_fault({{"pid_file", "/run/x.pid"}}), "/pid_file");
  service_spec program{.name = "p", .command = {"x"}};
  EXPECT_EQ(spec_from_json({{"kill_mode", "process"}}, program).error().where, "/kill_mode");
  EXPECT_EQ(spec_from_json({{"pid_file", "x.pid"}}, program).error().where, "/pid_file");
  EXPECT_TRUE(spec_from_json({{"kill_mode", "main"}, {"pid_file", "/x.pid"}}, program));
}

TEST(service_spec, only_type_and_parameters_need_new_processes) {
  auto a = valid(), b = valid();
  b.instances = 7;
  b.tags = {"x"};
  EXPECT_FALSE(needs_restart(a, b));
  b.params = {{"x", 1}};
  EXPECT_TRUE(needs_restart(a, b));
}

}  // namespace sm
