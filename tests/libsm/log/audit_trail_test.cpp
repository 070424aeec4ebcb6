#include "log/audit_trail.hpp"

#include <gtest/gtest.h>

#include "security/access_tokens.hpp"

namespace sm {
namespace {

const principal asker{
    .from = principal::origin::unix_socket, .uid = 1000, .pid = 7, .role = api_role::admin};

request_record record(std::string_view operation, unsigned status = 200) {
  return {.at = std::chrono::system_clock::time_point(std::chrono::seconds(1'000'000'000)),
          .method = "POST",
          .path = "/v1/services/a%22b/stop",
          .route = "POST /v1/services/:name/stop",
          .operation = operation,
          .id = "1-2",
          .who = &asker,
          .status = status,
          .seconds = 0.0015,
          .problem =
              status < 400 ? std::nullopt : std::optional(error{errc::not_found, "no \"b\"", {}})};
}

std::vector<std::string> chain(std::size_t count, audit_place begin = {}) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < count; ++i) {
    lines.push_back(audit_line(record("services.stop"), begin, digest_of_secret));
    lines.back().pop_back();
  }
  return lines;
}

std::string fault(const std::vector<std::string>& lines) {
  audit_check check(digest_of_secret);
  for (auto& line : lines)
    if (auto ok = check.add(line); !ok) return to_string(ok.error());
  return {};
}

}  // namespace

TEST(audit_trail, a_line_says_who_what_and_with_which_outcome) {
  audit_place place;
  auto line = json::parse(audit_line(record("services.stop", 404), place, digest_of_secret));
  EXPECT_EQ(line["n"], 1);
  EXPECT_EQ(line["ts"], "2001-09-09T01:46:40.000000Z");
  EXPECT_EQ(line["operation"], "services.stop");
  EXPECT_EQ(line["path"], "/v1/services/a%22b/stop");
  EXPECT_EQ(line["by"], "uid 1000, pid 7");
  EXPECT_EQ(line["role"], "admin");
  EXPECT_EQ(line["status"], 404);
  EXPECT_EQ(line["code"], "not_found");
  EXPECT_EQ(line["detail"], "no \"b\"");
  EXPECT_EQ(line["prev"], std::string(64, '0'));
  EXPECT_EQ(line["hash"], place.hash);
  EXPECT_EQ(place.number, 1U);
}

TEST(audit_trail, the_hash_is_of_all_before_it) {
  auto line = chain(1)[0];
  auto end = line.find(",\"hash\"");
  EXPECT_EQ(digest_of_secret(line.substr(0, end)), json::parse(line)["hash"]);
}

TEST(audit_trail, as_it_was_written_it_is_whole_from_wherever_it_begins) {
  auto lines = chain(5);
  EXPECT_EQ(fault(lines), "");
  lines.erase(lines.begin(), lines.begin() + 2);  // older files are gone
  EXPECT_EQ(fault(lines), "");
}

TEST(audit_trail, whatever_is_done_to_it_is_seen) {
  auto lines = chain(5);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (auto& [from, to] : {std::pair{"stop", "halt"}, {"1000", "1001"}, {"200", "403"}}) {
      auto changed = lines;
      changed[i].replace(changed[i].find(from), std::string(from).size(), to);
      EXPECT_NE(fault(changed), "") << i << " " << from;
    }
  auto without = lines;
  without.erase(without.begin() + 2);
  EXPECT_NE(fault(without).find("1 lines before it are missing"), std::string::npos)
      << fault(without);
  auto twice = lines;
  twice.insert(twice.begin() + 2, twice[2]);
  EXPECT_NE(fault(twice), "");
  auto turned = lines;
  std::swap(turned[1], turned[2]);
  EXPECT_NE(fault(turned), "");
  // Made anew with a right hash of its own, but those behind it do not follow.
  auto forged = lines;
  audit_place before{2, json::parse(lines[1])["hash"]};
  forged[2] = audit_line(record("services.start"), before, digest_of_secret);
  forged[2].pop_back();
  EXPECT_NE(fault(forged), "");
}

TEST(audit_trail, a_line_that_was_cut_is_passed_over_and_counted) {
  auto lines = chain(3);
  lines.insert(lines.begin() + 1, lines[1].substr(0, 40));
  lines.insert(lines.begin(), R"({"lost":3})");
  audit_check check(digest_of_secret);
  for (auto& line : lines) EXPECT_TRUE(check.add(line));
  EXPECT_EQ(check.cut(), 2U);
  EXPECT_EQ(check.lines(), 3U);
  EXPECT_EQ(check.first(), 1U);
  EXPECT_EQ(check.last()->number, 3U);
}

TEST(audit_trail, what_is_no_line_of_it_is_said) {
  auto lines = chain(3);
  for (auto* foreign : {"rubbish", "{}", R"({"m":1})", "xxxxxxxx"}) {
    auto with = lines;
    with.insert(with.begin() + 2, foreign);
    EXPECT_NE(fault(with).find("behind n 2"), std::string::npos) << foreign << ": " << fault(with);
  }
  auto mangled = lines;
  mangled[2] = mangled[2].substr(1);
  EXPECT_NE(fault(mangled), "");
}

TEST(audit_trail, it_goes_on_where_the_last_whole_line_is) {
  auto lines = chain(3);
  EXPECT_EQ(end_of_audit(lines[0] + "\n" + lines[1] + "\n")->number, 2U);
  EXPECT_EQ(end_of_audit(lines[1] + "\n" + lines[2].substr(0, 50))->number, 2U);
  EXPECT_EQ(end_of_audit(lines[1].substr(9) + "\n" + lines[2] + "\n\n")->number, 3U);
  EXPECT_FALSE(end_of_audit("\nnothing\n"));
  auto more = chain(2, *end_of_audit(lines[2] + "\n"));
  lines.insert(lines.end(), more.begin(), more.end());
  EXPECT_EQ(fault(lines), "");
}

TEST(access_line, says_what_was_asked_and_answered) {
  std::string line;
  append_access_line(line, record("services.stop", 404));
  EXPECT_TRUE(line.ends_with("}\n"));
  auto shown = json::parse(line);
  EXPECT_EQ(shown["ts"], "2001-09-09T01:46:40.000000Z");
  EXPECT_EQ(shown["client"], "uid 1000, pid 7");
  EXPECT_EQ(shown["status"], 404);
  EXPECT_EQ(shown["ms"], 1.5);
  EXPECT_EQ(line.find("trace_id"), line.npos) << "of none";
  EXPECT_EQ(shown["path"], "/v1/services/a%22b/stop");
  EXPECT_FALSE(shown.contains("problem"));
}

}  // namespace sm
