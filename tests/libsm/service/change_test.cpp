#include "service/change.hpp"

#include <gtest/gtest.h>

#include "service/masking.hpp"

namespace sm {
namespace {

desired_service web() {
  desired_service d;
  d.spec = {.name = "web", .type = "demo", .params = {{"a", 1}}, .instances = 2};
  complete(d.spec);
  return d;
}

desired_service files() {
  desired_service d;
  d.spec = {.name = "files", .command = {"sleep", "1"}, .env = {{"KEY", "hunter2"}}};
  complete(d.spec);
  return d;
}

desired_service with(desired_service d, void (*f)(desired_service&)) {
  f(d);
  return d;
}

struct row {
  const char* says;
  std::optional<desired_service> present;
  desired_change what;
  result<desired_service> outcome;
};

/// Only code and place of an error are compared.
void check(const std::vector<row>& rows) {
  for (auto& r : rows) {
    auto outcome = apply({.wanted = r.present ? &*r.present : nullptr}, r.what);
    ASSERT_EQ(outcome.has_value(), r.outcome.has_value())
        << r.says << (outcome ? "" : ": " + to_string(outcome.error()));
    if (outcome) {
      EXPECT_EQ(*outcome, *r.outcome) << r.says;
      continue;
    }
    EXPECT_EQ(outcome.error().code, r.outcome.error().code) << r.says;
    EXPECT_EQ(outcome.error().where, r.outcome.error().where) << r.says;
  }
}

const auto unknown = fail(errc::unknown_service, "", "web");

}  // namespace

TEST(change, makes_of_what_is_wanted_what_was_asked_for) {
  check({
      {"a new one is as its document says",
       {},
       addition({{"name", "web"}, {"type", "demo"}}),
       with(web(), [](auto& d) { d.spec.params = json::object(), d.spec.instances = 1; })},
      {"what a patch does not mention stays", web(), patch_service{"web", {{"instances", 3}}},
       with(web(), [](auto& d) { d.spec.instances = 3; })},
      {"a patch of nothing changes nothing", web(), patch_service{"web", json::object()}, web()},
      {"what was shown and is sent back means the value that is there", files(),
       patch_service{"files", {{"env", {{"KEY", masked_value}, {"NEW", "x"}}}}},
       with(files(), [](auto& d) { d.spec.env["NEW"] = "x"; })},
      {"without programs a program may be scaled", files(),
       patch_service{"files", {{"instances", 2}}, may_run::no_programs},
       with(files(), [](auto& d) { d.spec.instances = 2; })},
      {"a number scales", web(), scale_service{"web", 5},
       with(web(), [](auto& d) { d.spec.instances = 5; })},
      {"a sign scales from what is there", web(), scale_service{"web", "+3"},
       with(web(), [](auto& d) { d.spec.instances = 5; })},
      {"what is removed is marked", web(), remove_service{"web"},
       with(web(), [](auto& d) { d.removed = true; })},
      {"stop", web(), stop_service{"web"}, with(web(), [](auto& d) { d.enabled = false; })},
      {"start", with(web(), [](auto& d) { d.enabled = false; }), start_service{"web"}, web()},
      {"restart starts what was stopped", with(web(), [](auto& d) { d.enabled = false; }),
       restart_service{"web"}, web()},
      {"reload starts what was stopped", with(web(), [](auto& d) { d.enabled = false; }),
       reload_service{"web"}, web()},
      {"reset leaves stopped what is", with(web(), [](auto& d) { d.enabled = false; }),
       reset_service{"web"}, with(web(), [](auto& d) { d.enabled = false; })},
      {"what a failed rollout was for is undone, and no more",
       with(web(),
            [](auto& d) {
              d.spec.params = {{"a", 2}}, d.spec.instances = 7;
            }),
       undo_rollout{"web",
                    with(web(),
                         [](auto& d) {
                           d.spec.params = {{"a", 2}};
                         })
                        .spec,
                    web().spec},
       with(web(), [](auto& d) { d.spec.instances = 7; })},
      {"what is declared is added", {}, follow_declaration{"web", web()}, web()},
      {"what is declared is as it says, but stays stopped",
       with(web(), [](auto& d) { d.enabled = false, d.spec.instances = 9; }),
       follow_declaration{"web", web()}, with(web(), [](auto& d) { d.enabled = false; })},
      {"what was removed by hand comes back", with(web(), [](auto& d) { d.removed = true; }),
       follow_declaration{"web", web()}, web()},
      {"what is declared no more goes", web(),
       follow_declaration{"web", with(web(), [](auto& d) { d.removed = true; })},
       with(web(), [](auto& d) { d.removed = true; })},
  });
}

TEST(change, is_refused_with_what_is_at_fault) {
  auto removed = with(web(), [](auto& d) { d.removed = true; });
  std::vector<row> rows{
      {"a name is taken", web(), addition({{"name", "web"}, {"type", "demo"}}),
       fail(errc::conflict, "", "/name")},
      {"what is being removed holds its name", removed,
       addition({{"name", "web"}, {"type", "demo"}}), fail(errc::conflict, "", "/name")},
      {"a document that names nothing",
       {},
       addition({{"type", "demo"}}),
       fail(errc::invalid_spec, "", "/name")},
      {"a document that is none", {}, addition(7), fail(errc::invalid_spec, "", "")},
      {"another name than its document's",
       {},
       add_service{"other", {{"name", "web"}, {"type", "demo"}}},
       fail(errc::invalid_spec, "", "/name")},
      {"a mask hides nothing of a new service",
       {},
       addition({{"name", "web"}, {"command", {"a"}}, {"env", {{"KEY", masked_value}}}}),
       fail(errc::invalid_spec, "", "/env/KEY")},
      {"no program is added",
       {},
       addition({{"name", "web"}, {"command", {"a"}}}, may_run::no_programs),
       fail(errc::forbidden, "", "/command")},
      {"no program is changed", files(),
       patch_service{"files", {{"command", {"b"}}}, may_run::no_programs},
       fail(errc::forbidden, "", "/command")},
      {"nothing becomes a program", web(),
       patch_service{"web", {{"type", ""}, {"command", {"b"}}}, may_run::no_programs},
       fail(errc::forbidden, "", "/command")},
      {"a name stays", web(), patch_service{"web", {{"name", "other"}}},
       fail(errc::invalid_spec, "", "/name")},
      {"an unknown field", web(), patch_service{"web", {{"colour", 1}}},
       fail(errc::invalid_spec, "", "/colour")},
      {"more than there may be", web(), scale_service{"web", "+999"},
       fail(errc::bad_arguments, "", "/instances")},
      {"no number", web(), scale_service{"web", "many"},
       fail(errc::bad_arguments, "", "/instances")},
      {"changed since",
       with(web(),
            [](auto& d) {
              d.spec.params = {{"a", 3}};
            }),
       undo_rollout{"web",
                    with(web(),
                         [](auto& d) {
                           d.spec.params = {{"a", 2}};
                         })
                        .spec,
                    web().spec},
       fail(errc::cancelled, "", "")},
  };
  // Everything but an addition needs a service that is there and stays.
  for (auto& there : {std::optional<desired_service>{}, std::optional(removed)})
    for (auto& c : std::vector<desired_change>{
             patch_service{"web", {}}, remove_service{"web"}, scale_service{"web", 1},
             start_service{"web"}, stop_service{"web"}, restart_service{"web"},
             reload_service{"web"}, reset_service{"web"}, undo_rollout{"web", {}, {}}})
      rows.push_back({"no such service", there, c, unknown});
  check(rows);
}

TEST(change, of_what_is_set_aside_can_only_be_its_removal) {
  present_service aside{.set_aside = true};
  EXPECT_EQ(apply(aside, addition({{"name", "web"}, {"type", "demo"}})).error().code,
            errc::conflict);
  EXPECT_EQ(apply(aside, start_service{"web"}).error().code, errc::unknown_service);
  auto gone = apply(aside, remove_service{"web"});
  ASSERT_TRUE(gone);
  EXPECT_TRUE(gone->removed);
  EXPECT_EQ(gone->spec.name, "web");
}

TEST(change, is_told_in_one_line_without_secrets) {
  EXPECT_EQ(to_json(scale_service{"web", "+2"}),
            (json{{"change", "scale"}, {"service", "web"}, {"instances", "+2"}}));
  EXPECT_EQ(to_json(stop_service{"web"}), (json{{"change", "stop"}, {"service", "web"}}));
  EXPECT_EQ(to_json(undo_rollout{"web", {}, {}}),
            (json{{"change", "undo_rollout"}, {"service", "web"}}));
  auto secret = to_json(patch_service{"web", {{"env", {{"KEY", "hunter2"}}}}});
  EXPECT_EQ(print_json(secret).find("hunter2"), std::string::npos);
  EXPECT_EQ(secret["document"]["env"]["KEY"], masked_value);
  auto named = to_json(patch_service{"web", {{"params", {{"dsn", "hunter2"}, {"token", "x"}}}}},
                       std::vector<std::string>{"dsn"});
  EXPECT_EQ(named["document"]["params"], (json{{"dsn", masked_value}, {"token", masked_value}}));
}

TEST(change, is_a_value) {
  desired_change a = patch_service{"web", {{"instances", 3}}};
  auto b = a;
  EXPECT_EQ(a, b);
  std::get<patch_service>(b).document["instances"] = 4;
  EXPECT_NE(a, b);
}

TEST(goal, is_reached_when_what_was_asked_for_is_there) {
  struct goal_row {
    const char* says;
    desired_change what;
    std::optional<service_progress> there;
    bool reached;
  };
  const service_progress all{.ready = true, .instances = 2, .wanted = 2};
  auto but = [&](auto f) {
    auto p = all;
    f(p);
    return std::optional(p);
  };
  for (auto& r : std::vector<goal_row>{
           {"scaled", scale_service{"web", 2}, all, true},
           {"one leaves still", scale_service{"web", 2}, but([](auto& p) { p.instances = 3; }),
            false},
           {"one is not ready", scale_service{"web", 2}, but([](auto& p) { p.ready = false; }),
            false},
           {"stopped ones need not be ready", patch_service{"web", {}},
            but([](auto& p) { p.ready = p.enabled = false; }), true},
           {"a rollout is under way", reload_service{"web"}, but([](auto& p) { p.rolling = true; }),
            false},
           {"a rollout failed", reload_service{"web"},
            but([](auto& p) { p.rolled_back = true, p.ready = false; }), true},
           {"gone", scale_service{"web", 2}, {}, false},
           {"ready", start_service{"web"}, all, true},
           {"not ready", restart_service{"web"}, but([](auto& p) { p.ready = false; }), false},
           {"at rest", stop_service{"web"}, but([](auto& p) { p.at_rest = true; }), true},
           {"it runs", stop_service{"web"}, all, false},
           {"stopped and removed since", stop_service{"web"}, {}, true},
           {"removed", remove_service{"web"}, {}, true},
           {"declared no more",
            follow_declaration{"web", with(web(), [](auto& d) { d.removed = true; })}, all, false},
           {"as declared", follow_declaration{"web", web()}, all, true},
           {"it is there", remove_service{"web"}, but([](auto& p) { p.at_rest = true; }), false},
           {"journaled is enough", addition({{"name", "web"}}), {}, true},
           {"journaled is enough", reset_service{"web"}, but([](auto& p) { p.ready = false; }),
            true},
       })
    EXPECT_EQ(reached(goal_of(r.what), r.there), r.reached) << r.says;
}

}  // namespace sm
