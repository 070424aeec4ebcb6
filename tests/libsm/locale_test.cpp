// A program that sets a locale of its own changes nothing of what sm reads and writes.
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <locale>
#include <sm/config.hpp>
#include <sm/json.hpp>

#include "http/response_head.hpp"
#include "queue/cron.hpp"
#include "queue/job_tallies.hpp"
#include "queue/payload.hpp"
#include "queue/queue_order.hpp"
#include "schema/secret_names.hpp"
#include "temporary_folder.hpp"

namespace sm::test {

/// Turkish, in 8 bits: a decimal comma, words of its own, and 'I' is no capital of 'i'.
class locale_fixture : public ::testing::Test {
 protected:
  void SetUp() override {
    auto target = (folder.path() / "tr_TR").string();
    std::vector<std::string> words{"localedef", "-i", "tr_TR", "-f", "ISO-8859-9", target};
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = 0;
    int status = -1;
    if (::posix_spawnp(&pid, argv[0], nullptr, nullptr, argv.data(), environ) == 0)
      ::waitpid(pid, &status, 0);
    ::setenv("LOCPATH", folder.path().c_str(), 1);
    try {
      std::locale::global(std::locale("tr_TR"));
    } catch (const std::runtime_error&) {
      GTEST_SKIP() << "the package locales is not there";
    }
    ASSERT_STREQ(std::localeconv()->decimal_point, ",");
  }
  void TearDown() override { std::locale::global(std::locale::classic()); }

  temporary_folder folder;
};

TEST_F(locale_fixture, numbers_are_read_and_written_with_a_point) {
  auto document = parse_json("[1.5, -2e-1, 18446744073709551615]");
  ASSERT_TRUE(document) << to_string(document.error());
  EXPECT_EQ(print_json(*document), "[1.5,-0.2,18446744073709551615]");
  EXPECT_EQ(parse_json("[1.5, 18446744073709551616]").error().detail,
            "the integer at byte 7 is beyond 64 bits");
  job_payload job{.type = "A", .id = "x"};
  job.queue_time = 1795429306.25;
  auto back = decode_payload(encode_payload(job));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(back->queue_time, job.queue_time);
}

TEST_F(locale_fixture, jobs_are_counted_where_they_belong) {
  job_tallies t;
  t.add("q", "A", job_outcome::kind::done, 0.003);
  metric_page page;
  t.write(page);
  auto text = page.take();
  EXPECT_NE(text.find(R"(le="0.001"} 0)"), text.npos) << text;
  EXPECT_NE(text.find(R"(le="0.005"} 1)"), text.npos) << text;
  EXPECT_NE(text.find("0.003"), text.npos) << text;
  EXPECT_TRUE(job_tallies::decode(t.encode()));
}

TEST_F(locale_fixture, a_date_of_http_has_english_words) {
  auto& date = http_date();
  EXPECT_NE(std::string("SunMonTueWedThuFriSat").find(date.substr(0, 3)), std::string::npos)
      << date;
  EXPECT_NE(std::string("JanFebMarAprMayJunJulAugSepOctNovDec").find(date.substr(8, 3)),
            std::string::npos)
      << date;
  EXPECT_EQ(date.size(), 29U) << date;
}

TEST_F(locale_fixture, words_have_no_case_of_the_locale) {
  EXPECT_TRUE(is_secret_name("API_KEY"));
  EXPECT_TRUE(is_secret_name("CREDENTIAL"));
  EXPECT_TRUE(cron_line::parse("0 0 * * FRI", "UTC"));
  EXPECT_TRUE(cron_line::parse("@DAILY", "UTC"));
  config c;
  const char* variables[] = {"SM_HTTP__LISTEN=127.0.0.1:1", nullptr};
  auto read = apply_environment(c, variables);
  ASSERT_TRUE(read) << to_string(read.error());
  EXPECT_EQ(c.http.listen, "127.0.0.1:1");
}

TEST(locale, a_pattern_of_queues_goes_by_bytes) {
  std::locale::global(std::locale("C.UTF-8"));
  EXPECT_EQ(queue_order({"m?"}, {"ma", "m\xc3\xbd"}), std::vector<std::string>{"ma"});
  std::locale::global(std::locale::classic());
}

}  // namespace sm::test
