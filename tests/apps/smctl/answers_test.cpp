#include "answers.hpp"

#include <gtest/gtest.h>

namespace sm::ctl {
namespace {

std::string wrong(const char* operation, const char* document) {
  auto ok = check_answer(operation_called(operation), json::parse(document));
  if (ok) return {};
  auto& text = ok.error().detail;
  return text.substr(text.find("of the answer to "));
}

}  // namespace

TEST(answers, of_the_right_shape_are_taken_with_fields_of_newer_managers) {
  EXPECT_EQ(wrong("services.list", R"({"services": [], "more": 1})"), "");
  EXPECT_EQ(wrong("services.list",
                  R"({"services": [{"name": "a", "state": "NEW", "last_exit": null, "x": []}]})"),
            "");
  EXPECT_EQ(wrong("services.command", R"({"result": [1, null]})"), "");
  EXPECT_EQ(wrong("jobs.enqueue", R"({"ids": ["a"]})"), "");
}

TEST(answers, of_another_shape_name_the_operation_the_place_and_the_kind) {
  EXPECT_EQ(wrong("services.list", "[]"),
            "of the answer to services.list it must be an object, not '[]'");
  EXPECT_EQ(wrong("services.list", "{}"), "of the answer to services.list /services is missing");
  EXPECT_EQ(wrong("services.list", R"({"services": [{"name": "a", "state": "x"}, 1]})"),
            "of the answer to services.list /services/1 must be an object, not '1'");
  EXPECT_EQ(wrong("services.list", R"({"services": [{"name": null, "state": "x"}]})"),
            "of the answer to services.list /services/0/name must be a string, not 'null'");
  EXPECT_EQ(wrong("services.show",
                  R"({"name": "a", "state": "x", "instances": {"desired": 1, "running": "no"}})"),
            "of the answer to services.show /instances/ready is missing");
  EXPECT_EQ(wrong("services.gather", R"({"complete": true, "results": {"a": {"ok": 1}}})"),
            "of the answer to services.gather /results/a/ok must be a boolean, not '1'");
}

}  // namespace sm::ctl
