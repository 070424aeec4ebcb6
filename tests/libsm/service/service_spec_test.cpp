#include <gtest/gtest.h>

#include <sm/service_spec.hpp>

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

TEST(service_spec, an_unknown_field_is_answered_with_the_known_ones) {
  auto spec = spec_from_json({{"instanzes", 1}}, valid());
  ASSERT_FALSE(spec);
  EXPECT_NE(spec.error().detail.find("instances"), std::string::npos);
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
