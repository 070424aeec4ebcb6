#include "security/access_tokens.hpp"

#include <gtest/gtest.h>

#include "api/operations.hpp"
#include "http/guard.hpp"

namespace sm {
namespace {

constexpr std::int64_t now = 1'700'000'000;

access_tokens three() {
  access_tokens tokens;
  EXPECT_TRUE(tokens.add("watcher", api_role::viewer, "sm_viewer", now, 0));
  EXPECT_TRUE(tokens.add("deploy", api_role::operate, "sm_operator", now, now + 60));
  EXPECT_TRUE(tokens.add("chief", api_role::admin, "sm_admin", now, 0));
  return tokens;
}

}  // namespace

TEST(access_tokens, are_found_by_their_secrets_while_their_time_is_not_over) {
  auto tokens = three();
  ASSERT_TRUE(tokens.find("sm_operator", now));
  EXPECT_EQ(tokens.find("sm_operator", now)->name, "deploy");
  EXPECT_TRUE(tokens.find("sm_operator", now + 59));
  EXPECT_FALSE(tokens.find("sm_operator", now + 60));
  EXPECT_TRUE(tokens.find("sm_viewer", now + 1'000'000));
  for (auto* secret : {"", "sm_", "sm_viewe", "sm_viewer ", "SM_VIEWER", "watcher"})
    EXPECT_FALSE(tokens.find(secret, now)) << secret;
  EXPECT_EQ(tokens.remove("watcher"), std::vector<std::string>{"watcher"});
  EXPECT_TRUE(tokens.remove("watcher").empty());
  EXPECT_FALSE(tokens.find("sm_viewer", now));
}

TEST(access_tokens, have_a_name_each) {
  auto tokens = three();
  EXPECT_EQ(tokens.add("watcher", api_role::admin, "x", now, 0).error().code, errc::conflict);
  for (auto* name : {"", "a b", "a/b", "\n"})
    EXPECT_EQ(tokens.add(name, api_role::viewer, "x", now, 0).error().code, errc::bad_arguments);
  for (std::size_t n = tokens.all().size(); n < access_tokens::count_max; ++n)
    ASSERT_TRUE(tokens.add("t" + std::to_string(n), api_role::viewer, std::to_string(n), now, 0));
  EXPECT_EQ(tokens.add("more", api_role::viewer, "x", now, 0).error().code, errc::overloaded);
}

TEST(access_tokens, are_written_without_their_secrets_and_read_again) {
  auto tokens = three();
  tokens.find("sm_admin", now)->used = now + 5;
  auto text = tokens.print();
  EXPECT_EQ(text.find("sm_operator"), std::string::npos) << text;
  auto read = access_tokens::parse(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->all(), tokens.all());
  EXPECT_EQ(read->find("sm_admin", now)->used, now + 5);
  auto shown = to_json(*read->called("deploy"));
  EXPECT_EQ(shown["role"], "operator");
  EXPECT_EQ(shown["expires"], "2023-11-14T22:14:20.000000Z");
  EXPECT_EQ(shown["last_used"], nullptr);
  EXPECT_FALSE(shown.contains("digest"));
}

TEST(access_tokens, a_file_with_mistakes_is_none) {
  auto row = [](const char* role) {
    return json{{"name", "a"},  {"role", role}, {"prefix", "sm_"}, {"digest", "00"},
                {"created", 1}, {"expires", 0}, {"used", 0}};
  };
  EXPECT_TRUE(access_tokens::parse(json::array({row("viewer")}).dump()));
  for (auto& text : {std::string("{}"), std::string("["), json::array({1}).dump(),
                     json::array({row("king")}).dump(), json::array({{{"name", "a"}}}).dump(),
                     json::array({row("viewer"), row("admin")}).dump()})
    EXPECT_FALSE(access_tokens::parse(text)) << text;
}

TEST(access_tokens, the_last_use_is_taken_over_by_the_same_token_alone) {
  auto before = three();
  before.find("sm_admin", now)->used = now;
  before.find("sm_viewer", now)->used = now;
  auto after = three();
  after.remove("watcher");
  EXPECT_TRUE(after.add("watcher", api_role::viewer, "another", now, 0));
  after.take_uses(before);
  EXPECT_EQ(after.called("chief")->used, now);
  EXPECT_EQ(after.called("watcher")->used, 0);
}

/// Every operation with every role, so that none is added without a thought of who may.
TEST(access_tokens, each_role_may_what_its_operations_take_and_no_more) {
  auto tokens = three();
  auto policy = make_guard_policy("127.0.0.1:9501", {}, "the folder's own");
  policy.tokens = &tokens;
  auto outcome = [&](const operation& op, const char* secret) {
    auto authorization = "Bearer " + std::string(secret);
    guard_input rq;
    rq.access = op.access;
    rq.role = op.role;
    rq.now = now;
    rq.safe_method = op.method == "GET";
    rq.host = "localhost";
    rq.authorization = authorization;
    auto passed = guard(policy, rq);
    return passed ? errc::internal : passed.error().code;
  };
  constexpr auto passes = errc::internal;
  for (auto& op : operations()) {
    bool guarded = op.access != route_access::probe;
    auto refused = guarded ? errc::forbidden : passes;
    EXPECT_EQ(outcome(op, "the folder's own"), passes) << op.id;
    EXPECT_EQ(outcome(op, "sm_admin"), passes) << op.id;
    EXPECT_EQ(outcome(op, "sm_operator"), op.role <= api_role::operate ? passes : refused) << op.id;
    EXPECT_EQ(outcome(op, "sm_viewer"), op.role == api_role::viewer ? passes : refused) << op.id;
    EXPECT_EQ(outcome(op, "sm_nobody"), guarded ? errc::unauthorized : passes) << op.id;
  }
}

TEST(access_tokens, a_session_is_no_more_and_lasts_no_longer_than_who_gave_leave) {
  access_tokens tokens;
  ASSERT_TRUE(tokens.add("temp", api_role::operate, "sm_temp", 100, 150));
  auto made = tokens.add_session("s1", api_role::admin, "sm_s1", 100, 1000, "temp");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->role, api_role::operate);
  EXPECT_EQ(made->expires, 150);
  // One that a session makes is no later either.
  made = tokens.add_session("s2", api_role::operate, "sm_s2", 110, 2000, "s1");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->expires, 150);
  EXPECT_EQ(tokens.remove("temp"), (std::vector<std::string>{"temp", "s1", "s2"}));
  EXPECT_FALSE(tokens.find("sm_s2", 110));
  auto late = tokens.add_session("s3", api_role::viewer, "sm_s3", 110, 2000, "temp");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, errc::unauthorized);
}

TEST(access_tokens, sessions_take_no_room_of_tokens_or_of_sessions_by_others) {
  access_tokens tokens;
  ASSERT_TRUE(tokens.add("watcher", api_role::viewer, "sm_watcher", 0, 0));
  ASSERT_TRUE(tokens.add_session("mine", api_role::admin, "sm_mine", 0, 1000, ""));
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(tokens.add_session("s" + std::to_string(i), api_role::viewer,
                                   "sm_" + std::to_string(i), i + 1, 1000, "watcher"));
  EXPECT_EQ(tokens.all().size(), 2 + access_tokens::sessions_of_one_max);
  EXPECT_TRUE(tokens.find("sm_mine", 200));
  EXPECT_FALSE(tokens.find("sm_79", 200));
  EXPECT_TRUE(tokens.find("sm_80", 200));
  auto again = access_tokens::parse(tokens.print());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->all(), tokens.all());
}

TEST(access_tokens, one_for_some_services_is_no_admins_and_neither_is_its_session) {
  access_tokens all;
  EXPECT_EQ(all.add("chief", api_role::admin, "sm_chief", 1, 0, "web").error().where, "/services");
  EXPECT_EQ(all.add("odd", api_role::viewer, "sm_odd", 1, 0, "a b").error().where, "/services");
  ASSERT_TRUE(all.add("web", api_role::operate, "sm_web", 1, 0, "web-*,api"));
  ASSERT_TRUE(all.add_session("s", api_role::admin, "sm_session", 2, 100, "web"));
  EXPECT_EQ(all.called("s")->services, "web-*,api");
  EXPECT_EQ(all.called("s")->role, api_role::operate);
  auto read = access_tokens::parse(all.print());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->all(), all.all());
}

TEST(access_tokens, sessions_that_are_over_go) {
  access_tokens tokens;
  ASSERT_TRUE(tokens.add_session("old", api_role::admin, "sm_old", 0, 10, ""));
  ASSERT_TRUE(tokens.add_session("new", api_role::admin, "sm_new", 20, 30, ""));
  EXPECT_EQ(tokens.all().size(), 1U);
}

}  // namespace sm
