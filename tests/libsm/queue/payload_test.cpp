#include "queue/payload.hpp"

#include <gtest/gtest.h>

namespace sm {

TEST(payload, a_job_is_written_as_php_resque_writes_it) {
  EXPECT_EQ(
      encode_payload("EmailWork", {{"email", "a@b.c"}}, "00ff", 1795429306.842671),
      R"({"class":"EmailWork","args":[{"email":"a@b.c"}],"id":"00ff","queue_time":1795429306.842671})");
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
  for (auto& bad : {std::string(), std::string("a b"), std::string("a\n"), std::string(129, 'x')})
    EXPECT_FALSE(valid_queue_name(bad));
}

}  // namespace sm
