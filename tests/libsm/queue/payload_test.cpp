#include "queue/payload.hpp"

#include <gtest/gtest.h>

#include <sm/job.hpp>

namespace sm {

TEST(payload, a_job_is_written_as_php_resque_writes_it) {
  EXPECT_EQ(
      encode_payload({.type = "EmailWork",
                      .args = json::array({{{"email", "a@b.c"}}}),
                      .id = "00ff",
                      .queue_time = 1795429306.842671}),
      R"({"class":"EmailWork","args":[{"email":"a@b.c"}],"id":"00ff","queue_time":1795429306.842671,"sm":{}})");
}

TEST(payload, the_time_is_printed_as_javascript_and_php_print_numbers) {
  for (auto& [time, printed] : {std::pair{1795429306.842, "1795429306.842"},
                                {1795429306.0, "1795429306"},
                                {1795429306.5, "1795429306.5"},
                                {1795429306.842671, "1795429306.842671"}})
    EXPECT_NE(encode_payload({.type = "T", .queue_time = time})
                  .find(std::string("\"queue_time\":") + printed + ","),
              std::string::npos)
        << printed;
}

namespace {

struct inner {
  int depth = 7;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(inner, depth)
struct php_job {
  std::string name = "none";
  inner options{};
  std::map<std::string, int> counts{};
  std::vector<int> list{};
  std::vector<inner> many{};
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(php_job, name, options, counts, list, many)
struct strict_job {
  int number = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(strict_job, number)

}  // namespace

TEST(payload, an_empty_array_of_php_is_an_object_where_one_is_wanted) {
  auto all = detail::read_job<php_job>(json::array());
  ASSERT_TRUE(all) << to_string(all.error());
  EXPECT_EQ(all->name, "none");
  auto within = detail::read_job<php_job>(
      *parse_json(R"({"options":[],"counts":[],"list":[],"many":[{"depth":1},[],{}]})"));
  ASSERT_TRUE(within) << to_string(within.error());
  EXPECT_EQ(within->options.depth, 7);
  EXPECT_TRUE(within->list.empty());
  ASSERT_EQ(within->many.size(), 3U);
  EXPECT_EQ(within->many[1].depth, 7);
  auto text = detail::read_job<php_job>(*parse_json(R"({"name":[]})"));
  ASSERT_FALSE(text) << "where a text is wanted it is refused";
  EXPECT_EQ(text.error().where, "/name");
  EXPECT_FALSE(detail::read_job<php_job>(*parse_json("[1]")));
  auto missing = detail::read_job<strict_job>(json::array());
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().detail.find("number"), std::string::npos) << missing.error().detail;
}

TEST(payload, jobs_of_ruby_and_php_are_read) {
  auto ruby = decode_payload(R"({"class":"EchoJob","args":["a/b",{"k":"héllo"},3]})");
  ASSERT_TRUE(ruby);
  EXPECT_EQ(ruby->type, "EchoJob");
  EXPECT_EQ(ruby->argument(), "a/b");
  EXPECT_EQ(ruby->id, "");
  auto php = decode_payload(
      R"({"class":"App\\Jobs\\EmailWork","args":[{"email":"a\/b@c.d"}],"id":"d3","queue_time":1.5,"prefix":""})");
  ASSERT_TRUE(php);
  EXPECT_EQ(php->type, "App\\Jobs\\EmailWork");
  EXPECT_EQ(php->argument()["email"], "a/b@c.d");
  EXPECT_EQ(php->id, "d3");
  EXPECT_EQ(decode_payload(R"({"class":"X","args":[]})")->argument(), nullptr);
}

TEST(payload, jobs_of_jesque_and_go_are_read) {
  auto plain = decode_payload(R"({"class":"app.Show","args":[1,"x"],"vars":null})");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->args, (json{1, "x"}));
  auto named = decode_payload(R"({"class":"app.Vars","args":null,"vars":{"to":"bob"}})");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->args, json::array({{{"to", "bob"}}}));
  auto go = decode_payload(R"({"class":"Show","args":null})");
  ASSERT_TRUE(go) << "Ruby performs it without arguments, too";
  EXPECT_EQ(go->args, json::array());
  EXPECT_FALSE(decode_payload(R"({"class":"Show","args":{"a":1}})"));
}

TEST(payload, what_sm_adds_comes_back) {
  auto job = decode_payload(encode_payload({.type = "T",
                                            .args = json::array({1}),
                                            .id = "i",
                                            .run_at_ms = 1'795'429'306'842,
                                            .lock = "unique:\"k\"",
                                            .lock_until_started = true}));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->run_at_ms, 1'795'429'306'842);
  EXPECT_EQ(job->lock, "unique:\"k\"");
  EXPECT_TRUE(job->lock_until_started);
}

TEST(payload, a_job_is_named_by_its_id_and_prefix_or_by_its_bytes) {
  EXPECT_EQ(key_of_job(R"({"class":"X","args":[],"id":"d3","prefix":""})"), "d3");
  EXPECT_EQ(key_of_job(R"({"class":"X","args":[],"id":"d3","prefix":"p"})"), "p_d3");
  // printf '%s' '{"class":"X","args":[]}' | sha1sum
  EXPECT_EQ(key_of_job(R"({"class":"X","args":[]})"), sha1_hex(R"({"class":"X","args":[]})"));
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(key_of_job("nope").size(), 40U);
}

TEST(payload, a_member_is_taken_as_it_is_written) {
  auto text =
      R"( { "a" : [1, {"b":"}]\"" }] ,"b":"x\\", "payload": {"k" : "h\u00e9"},"n":-1.5e3 ,"z":null})";
  EXPECT_EQ(raw_member(text, "a"), R"([1, {"b":"}]\"" }])");
  EXPECT_EQ(raw_member(text, "b"), R"("x\\")");
  EXPECT_EQ(raw_member(text, "payload"), R"({"k" : "h\u00e9"})");
  EXPECT_EQ(raw_member(text, "n"), "-1.5e3");
  EXPECT_EQ(raw_member(text, "z"), "null");
  EXPECT_EQ(raw_member(text, "none"), "");
  for (auto* broken : {"", "{", "[]", R"({"a")", R"({"a":)", R"({"a":1,)", R"({"a":"x)"})
    EXPECT_EQ(raw_member(broken, "b"), "") << broken;
}

TEST(payload, what_is_no_job_says_why) {
  for (auto [text, where] : {std::pair{"nope", ""},
                             {"[]", ""},
                             {"{}", "/class"},
                             {R"({"class":7})", "/class"},
                             {R"({"class":""})", "/class"},
                             {R"({"class":"X","args":{}})", "/args"}}) {
    auto job = decode_payload(text);
    ASSERT_FALSE(job) << text;
    EXPECT_EQ(job.error().code, errc::bad_arguments);
    EXPECT_EQ(job.error().where, where) << text;
  }
}

TEST(payload, queue_names_have_no_blanks) {
  for (auto* good : {"default", "a:b", "mail.high", "ä"})
    EXPECT_TRUE(valid_queue_name(good)) << good;
  for (auto& bad : {std::string(), std::string("a b"), std::string("a\n"), std::string(129, 'x'),
                    std::string("*"), std::string("!a")})
    EXPECT_FALSE(valid_queue_name(bad));
}

}  // namespace sm
