#include "api/operations.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "http/router.hpp"

namespace sm {
namespace {

std::string at_fault(const char* id, std::vector<query_argument> given) {
  auto ok = check_query(operation_called(id), given);
  if (ok) return "";
  EXPECT_EQ(ok.error().code, errc::bad_arguments);
  EXPECT_FALSE(ok.error().where.empty());
  return ok.error().where + ": " + ok.error().detail;
}

}  // namespace

TEST(operations, each_has_a_place_and_an_id_of_its_own) {
  router<int> routes;
  std::set<std::string_view> ids;
  for (auto& op : operations()) {
    auto added = routes.add(op.method, op.path, 1);
    EXPECT_TRUE(added) << op.id << " " << to_string(added.error());
    EXPECT_TRUE(ids.insert(op.id).second) << op.id;
    EXPECT_EQ(&operation_called(op.id), &op);
    EXPECT_FALSE(op.summary.empty()) << op.id;
    EXPECT_FALSE(op.answer.empty()) << op.id;
    // What only looks may be done by who may only look, but for who may do what and who did; and he
    // may bring along a browser, which may no more.
    bool looks = (op.method == "GET" && op.id != "tokens.list" && op.id != "audit.list") ||
                 op.id == "sign_ins.add";
    EXPECT_EQ(op.role == api_role::viewer, looks) << op.id;
    EXPECT_EQ(op.access == route_access::management, op.strict()) << op.id;
  }
  EXPECT_THROW(operation_called("services.lift"), std::logic_error);
}

TEST(operations, a_query_holds_known_names_once_with_values_that_fit) {
  EXPECT_EQ(at_fault("failed.list", {{"limit", true, "1000"}, {"text", true, "x y"}}), "");
  EXPECT_EQ(at_fault("services.stop", {{"wait", true, "5s"}}), "");
  EXPECT_EQ(at_fault("services.list", {{"state", true, ""}, {"q", true, ""}}), "");
  EXPECT_EQ(at_fault("events.follow", {{"since", true, "18446744073709551615"}}), "");
  EXPECT_EQ(at_fault("health.ready", {{"verbose", true, ""}, {"exclude", true, "x"}}), "");
  for (auto* value : {"", "1", "0", "true", "false"})
    EXPECT_EQ(at_fault("services.logs", {{"follow", true, value}}), "");

  EXPECT_EQ(at_fault("services.stop", {{"wiat", true, "5s"}}),
            "wiat: unknown parameter; did you mean 'wait'?");
  EXPECT_EQ(at_fault("queues.list", {{"wait", true, "5s"}}),
            "wait: unknown parameter; there is none");
  EXPECT_EQ(at_fault("jobs.list", {{"state", true, "redy"}}),
            "state: 'redy' is no value of it; did you mean 'ready'?");
  EXPECT_EQ(at_fault("jobs.list", {{"limit", true, "1"}, {"limit", true, "2"}}),
            "limit: is given twice");
  for (auto* value : {"", " 1", "1 ", "+1", "-1", "0", "1001", "abc", "1.0", "9223372036854775807",
                      "99999999999999999999"})
    EXPECT_EQ(at_fault("jobs.list", {{"limit", true, value}})
                  .find("limit: must be a whole number "
                        "from 1 to 1000"),
              0U)
        << value;
  EXPECT_EQ(at_fault("jobs.list", {{"limit", false, ""}}).find("limit: "), 0U);
  EXPECT_NE(at_fault("services.stop", {{"wait", true, "99999999999999999999s"}}), "");
  EXPECT_NE(at_fault("services.stop", {{"wait", true, " 5s"}}), "");
  EXPECT_NE(at_fault("services.logs", {{"follow", true, "yes"}}), "");
  EXPECT_NE(at_fault("services.list", {{"q", true, "\xff"}}), "");
}

TEST(operations, a_row_without_a_handler_and_a_handler_without_a_row_are_found) {
  const std::vector<operation> rows{{.id = "a", .method = "GET", .path = "/v1/a"},
                                    {.id = "b", .method = "GET", .path = "/v1/b"}};
  bindings all(rows);
  auto a = all.bind("a");
  ASSERT_TRUE(a);
  EXPECT_EQ(*a, &rows[0]);
  EXPECT_EQ(all.bind("c").error().where, "c");
  EXPECT_EQ(all.bind("a").error().where, "a");
  EXPECT_EQ(all.check_complete().error().where, "b");
  ASSERT_TRUE(all.bind("b"));
  EXPECT_TRUE(all.check_complete());
}

/// Writes the table anew where SM_WRITE_DOCS is set.
TEST(operations, a_token_for_some_services_reaches_these_and_what_is_about_none) {
  // What is added here shows no more than its services to who may not see all.
  const std::set<std::string_view> filtered{"services.list", "services.gather", "events.follow",
                                            "events.list",   "sign_ins.add",    "api.openapi",
                                            "health.live",   "daemon.show"};
  for (auto& op : operations()) {
    bool of_one = op.path.starts_with("/v1/services/:name");
    auto expected = of_one                     ? reach::service
                    : filtered.contains(op.id) ? reach::some
                                               : reach::manager;
    EXPECT_EQ(op.reaches(), expected) << op.id;
  }
}

TEST(operations, docs_http_md_shows_the_table_as_it_is) {
  const std::string file = DOCS_FOLDER "/http.md";
  const std::string begin = "<!-- operations -->\n", end = "<!-- end of operations -->\n";
  std::stringstream read;
  read << std::ifstream(file).rdbuf();
  auto text = read.str();
  auto from = text.find(begin), to = text.find(end);
  ASSERT_NE(from, text.npos);
  ASSERT_NE(to, text.npos);
  from += begin.size();
  auto table = "\n" + operations_in_markdown() + "\n";
  if (std::getenv("SM_WRITE_DOCS")) {
    std::ofstream(file) << text.replace(from, to - from, table);
    return;
  }
  EXPECT_EQ(text.substr(from, to - from), table)
      << "write it anew: SM_WRITE_DOCS=1 build/dev/tests/libsm_tests --gtest_filter='operations.*'";
}

}  // namespace sm
