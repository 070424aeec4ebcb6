#include "queue/failure_record.hpp"

#include <gtest/gtest.h>

#include "queue/job_documents.hpp"
#include "queue/payload.hpp"

namespace sm {
namespace {

std::string nested(std::size_t levels) {
  return R"({"class":"T","args":)" + std::string(levels - 1, '[') + std::string(levels - 1, ']') +
         "}";
}

}  // namespace

TEST(failure_record, no_record_is_deeper_than_ruby_reads) {
  for (std::size_t levels : {2, 98, 99, 100, 101, 200}) {
    auto bytes = nested(levels);
    ASSERT_EQ(nesting_of(bytes), levels);
    auto record = encode_failure({.payload = bytes, .queue = "q"});
    EXPECT_LE(nesting_of(record), 100U) << levels;
    EXPECT_EQ(decode_failure(record).payload, bytes) << levels;
    EXPECT_EQ((*parse_json(record))["payload"]["class"], "T") << levels;
  }
}

TEST(failure_record, bytes_that_are_no_job_come_back_as_they_were) {
  for (std::string bytes :
       {"", "{}", " {}", "null", "nope", "\"x\"", "[1]", "{\"class\":", "\xff"}) {
    auto read = decode_failure(encode_failure({.payload = bytes, .queue = "q"}));
    EXPECT_TRUE(read.has_payload) << bytes;
    EXPECT_EQ(read.payload, bytes);
  }
}

TEST(failure_record, what_names_no_job_is_told_from_an_empty_one) {
  for (auto* text :
       {R"({"queue":"q"})", R"({"queue":"q","payload":null})", R"({"queue":"q","payload":"x"})",
        R"({"queue":"q","payload":{},"raw64":null})", R"({"queue":"q","raw64":"*"})", "nope", ""})
    EXPECT_FALSE(decode_failure(text).has_payload) << text;
}

TEST(failure_record, a_job_that_resque_requeued_says_when) {
  auto view = to_view(decode_failure(
      R"({"failed_at":"2026/11/23 10:22:20 UTC","payload":{"class":"T","args":[]},"queue":"q","retried_at":"2026/11/23 10:59:39"})"));
  EXPECT_EQ(to_document(view)["retried_at"], "2026/11/23 10:59:39");
  view.retried_at.clear();
  EXPECT_FALSE(to_document(view).contains("retried_at"));
}

}  // namespace sm
