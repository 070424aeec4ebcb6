#include "rows.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "api/operations.hpp"
#include "completion.hpp"
#include "exit_codes.hpp"
#include "help.hpp"
#include "select.hpp"
#include "verbs.hpp"

namespace sm::ctl {
namespace {

const json services_listing{
    {"services",
     {{{"name", "web"}, {"group", "front"}, {"tags", {"http"}}},
      {{"name", "web-admin"}, {"group", "front"}, {"tags", json::array()}},
      {{"name", "worker"}, {"group", ""}, {"tags", {"http", "slow"}}},
      {{"name", "queue.clock"}, {"group", "sm"}, {"tags", json::array()}}}}};

std::string chosen(const std::vector<std::string>& words, const selection_rules& rules = {}) {
  auto names = select_services(services_listing, words, rules);
  if (!names) return std::string(to_string(names.error().code)) + ": " + names.error().detail;
  std::string text;
  for (auto& s : *names) text += (text.empty() ? "" : " ") + s.name + (s.named ? "!" : "");
  return text;
}

std::vector<candidate> names_for_test(names kind, std::span<const std::string>) {
  if (kind == names::services) return {{"web", "RUNNING"}, {"worker", "FATAL"}};
  return {};
}

std::string completed(const std::vector<std::string>& words) {
  std::string text;
  for (auto& c : complete(words, names_for_test)) text += (text.empty() ? "" : " ") + c.word;
  return text;
}

}  // namespace

TEST(rows, have_names_of_their_own_and_a_handler) {
  std::set<std::string_view> called;
  for (auto& row : verbs()) {
    EXPECT_TRUE(called.insert(row.name).second) << row.name;
    for (auto alias : row.aliases) EXPECT_TRUE(called.insert(alias).second) << alias;
    EXPECT_FALSE(row.summary.empty()) << row.name;
    bool alone = row.name == "help" || row.name == "version" || row.name == "completion" ||
                 row.name == "import";
    EXPECT_EQ(all_handlers().contains(row.name), !alone) << row.name;
    std::set<char> letters;
    for (auto& option : row.options) {
      EXPECT_FALSE(option.doc.empty()) << row.name << " " << option.name;
      bool own = option.letter == 0 || letters.insert(option.letter).second;
      EXPECT_TRUE(own) << row.name << " -" << option.letter;
    }
  }
  for (auto& [name, handler] : all_handlers()) EXPECT_TRUE(find_verb(name)) << name;
}

TEST(rows, reach_every_operation_or_say_why_not) {
  std::set<std::string_view> reached;
  for (auto& row : verbs())
    for (auto id : row.operations) {
      EXPECT_NO_THROW(operation_called(id)) << row.name;
      reached.insert(id);
    }
  for (auto& row : unreached_operations()) {
    EXPECT_NO_THROW(operation_called(row.operation));
    EXPECT_FALSE(reached.contains(row.operation)) << row.operation << " is reached";
    EXPECT_FALSE(row.reason.empty());
  }
  for (auto& op : operations()) {
    bool named = std::any_of(unreached_operations().begin(), unreached_operations().end(),
                             [&](auto& row) { return row.operation == op.id; });
    EXPECT_TRUE(reached.contains(op.id) || named)
        << op.id << " is reached by no verb: add one, or a row of unreached_operations";
  }
}

TEST(rows, make_requests_that_the_table_of_operations_takes) {
  auto rq = request_for("services.command", {{"name", "a b/c"}, {"command", "x"}},
                        {{"timeout", "5s"}}, "{}");
  EXPECT_EQ(rq.method, "POST");
  EXPECT_EQ(rq.target, "/v1/services/a%20b%2Fc/commands/x?timeout=5s");
  EXPECT_THROW(request_for("services.show"), std::logic_error);
  EXPECT_THROW(request_for("services.list", {}, {{"wiat", "5s"}}), std::logic_error);
}

TEST(select, finds_names_beginnings_patterns_groups_and_tags) {
  EXPECT_EQ(chosen({"web"}), "web!");
  EXPECT_EQ(chosen({"wo"}), "worker!");
  EXPECT_EQ(chosen({"web*"}), "web web-admin");
  EXPECT_EQ(chosen({"group:front", "web"}), "web! web-admin");
  EXPECT_EQ(chosen({"tag:http"}), "web worker");
  EXPECT_EQ(chosen({"all"}), "web web-admin worker queue.clock");
  EXPECT_EQ(chosen({"*"}), "web web-admin worker");
  EXPECT_EQ(chosen({"worker:3"}, {.prefixes = true, .instances = true}), "worker:3!");
}

TEST(select, refuses_what_means_nothing_or_too_much) {
  EXPECT_EQ(chosen({"w"}),
            "bad_arguments: 'w' is the beginning of several names: web, web-admin, worker; 'w*' "
            "means them all");
  EXPECT_EQ(chosen({"wbe"}),
            "unknown_service: there is no service called 'wbe'; did you mean 'web'?");
  EXPECT_EQ(chosen({"wo"}, {.prefixes = false}).find("unknown_service"), 0U);
  EXPECT_EQ(chosen({"tag:none"}), "unknown_service: 'tag:none' means no service");
  EXPECT_EQ(chosen({"x*"}), "unknown_service: 'x*' means no service");
  EXPECT_EQ(chosen({""}).find("unknown_service"), 0U);
  EXPECT_EQ(chosen({"worker:3"}).find("unknown_service"), 0U);
}

TEST(exit_codes, are_those_of_the_contract) {
  const std::vector<std::pair<errc, int>> of{
      {errc::bad_arguments, 2},   {errc::bad_request, 2},    {errc::invalid_spec, 2},
      {errc::unknown_service, 4}, {errc::not_found, 4},      {errc::unknown_command, 1},
      {errc::not_running, 7},     {errc::handler_failed, 1}, {errc::timeout, 75},
      {errc::overloaded, 75},     {errc::unavailable, 69},   {errc::shutting_down, 69},
      {errc::conflict, 1},        {errc::unauthorized, 77},  {errc::forbidden, 77},
      {errc::cancelled, 1},       {errc::internal, 1}};
  std::set<int> known;
  for (auto& row : exit_rows()) EXPECT_TRUE(known.insert(row.code).second);
  EXPECT_EQ(known, (std::set<int>{0, 1, 2, 3, 4, 7, 69, 75, 77}));
  for (auto& [code, expected] : of) {
    EXPECT_EQ(exit_code_of(error{code, "", ""}), expected) << to_string(code);
    EXPECT_TRUE(known.contains(expected));
  }
}

TEST(exit_codes, of_several_targets_are_one) {
  auto of = [](std::vector<int> codes) { return exit_code_of(codes); };
  EXPECT_EQ(of({}), 0);
  EXPECT_EQ(of({0, 0}), 0);
  EXPECT_EQ(of({75, 75}), 75);
  EXPECT_EQ(of({0, 75}), 1);
  EXPECT_EQ(of({4, 75}), 1);
}

TEST(completion, offers_what_may_stand_there) {
  EXPECT_EQ(completed({"sta"}), "status start");
  EXPECT_EQ(completed({"que"}), "queue");
  EXPECT_EQ(completed({"queue", "pa"}), "pause");
  EXPECT_EQ(completed({"stop", "w"}), "web worker");
  EXPECT_EQ(completed({"stop", "web", "wo"}), "worker");
  EXPECT_EQ(completed({"-s", "/x", "stop", "wo"}), "worker");
  EXPECT_EQ(completed({"logs", "--fol"}), "--follow");
  EXPECT_EQ(completed({"status", "-o", "js"}), "json jsonl");
  EXPECT_EQ(completed({"status", "--output=js"}), "--output=json --output=jsonl");
  EXPECT_EQ(completed({"wait", "--for", "re"}), "ready");
  EXPECT_EQ(completed({"signal", "HU"}), "HUP");
  EXPECT_EQ(completed({"signal", "HUP", "wo"}), "worker");
  EXPECT_EQ(completed({"add", ""}), "FILES");
  EXPECT_EQ(completed({"add", "x", "--", "py"}), "FILES");
  EXPECT_EQ(completed({"completion", "z"}), "zsh");
  EXPECT_EQ(completed({"help", "reset"}), "reset");
  EXPECT_EQ(completed({"version", ""}), "");
  EXPECT_EQ(completed({"no-such-verb", ""}), "");
}

TEST(help, shows_every_verb_and_every_option) {
  auto all = help_text();
  for (auto& row : verbs()) {
    EXPECT_NE(all.find("\n  " + std::string(row.name)), std::string::npos) << row.name;
    auto one = help_text(row);
    for (auto& option : row.options)
      EXPECT_NE(one.find("--" + std::string(option.name)), std::string::npos) << option.name;
    for (std::string_view rest = one; !rest.empty();) {
      auto end = rest.find('\n');
      EXPECT_LE(end, 110U) << rest.substr(0, end);
      rest.remove_prefix(end + 1);
    }
  }
}

/// Writes the page anew where SM_WRITE_DOCS is set.
TEST(help, docs_smctl_md_shows_the_rows_as_they_are) {
  const std::string file = DOCS_FOLDER "/smctl.md";
  if (std::getenv("SM_WRITE_DOCS")) {
    std::ofstream(file) << reference_page();
    return;
  }
  std::stringstream read;
  read << std::ifstream(file).rdbuf();
  EXPECT_EQ(read.str(), reference_page())
      << "write it anew: SM_WRITE_DOCS=1 build/dev/tests/smctl_tests --gtest_filter='help.*'";
}

TEST(rows, the_first_word_of_two_alone_shows_what_there_is) {
  for (auto& row : verbs()) {
    auto first = row.name.substr(0, row.name.find(' '));
    if (first.size() == row.name.size()) continue;
    auto alone = default_of(first);
    EXPECT_TRUE(alone.ends_with(" ls") || alone.ends_with(" status")) << first;
    EXPECT_TRUE(find_verb(alone)) << first;
  }
  EXPECT_EQ(default_of("queu"), "");
  EXPECT_EQ(default_of("status"), "");
}

}  // namespace sm::ctl
