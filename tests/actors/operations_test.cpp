// Every operation of the table, asked wrongly.
#include "api/operations.hpp"

#include "service/service_members.hpp"
#include "supervision_fixture.hpp"

namespace sm::test {
namespace {

class operations_asked : public supervision_fixture {
 protected:
  operations_asked() {
    EXPECT_EQ(add(tool_named("web")).status, 201);
    EXPECT_TRUE(reaches("web", "RUNNING"));
    EXPECT_EQ(app.api("PUT", "/v1/queues/q", "{}").status, 200);
  }

  static std::string path_of(const operation& op) {
    std::string path;
    std::string_view rest = op.path;
    while (!rest.empty()) {
      auto segment = rest.substr(0, rest.find('/', 1));
      rest.remove_prefix(segment.size());
      path += segment == "/:name"      ? "/web"
              : segment == "/:queue"   ? "/q"
              : segment == "/:command" ? "/echo"
              : segment == "/:id"      ? "/1"
                                       : segment;
    }
    return path;
  }

  void refused(const operation& op, const std::string& query, const std::string& where,
               const std::string& body = {}) {
    auto reply = app.api(std::string(op.method), path_of(op) + query, body);
    EXPECT_EQ(reply.status, 422) << op.id << query << " " << body << "\n" << reply.body;
    if (reply.status != 422) return;
    EXPECT_EQ(reply.document().value("where", ""), where) << reply.body;
  }
};

}  // namespace

TEST_F(operations_asked, with_a_name_they_do_not_know_refuse_it_and_name_the_nearest) {
  for (auto& op : operations()) {
    if (!op.strict()) continue;
    refused(op, "?no_such_name=1", "no_such_name");
    for (auto& field : op.query) {
      // Two neighbours swapped.
      auto name = std::string(field.name);
      if (name.size() < 3) continue;
      std::swap(name[0], name[1]);
      refused(op, "?" + name + "=1", name);
      auto reply = app.api(std::string(op.method), path_of(op) + "?" + name + "=1");
      EXPECT_NE(reply.body.find("did you mean '" + std::string(field.name) + "'?"),
                std::string::npos)
          << reply.body;
    }
  }
  // Whoever watches may add what he likes to the address of a probe, and the program's own routes
  // take what they want.
  EXPECT_EQ(app.get("/readyz?no_such_name=1").status, 200);
  EXPECT_EQ(app.service("web")["state"], "RUNNING");
}

TEST_F(operations_asked, with_a_value_that_is_not_what_its_field_takes_refuse_it) {
  for (auto& op : operations())
    for (auto& field : op.query) {
      if (!op.strict()) continue;
      std::string name(field.name);
      auto with = [&](const std::string& value) { refused(op, "?" + name + "=" + value, name); };
      for (auto* value : {"1%00", "%00", "%zz", "%ff"}) with(value);
      if (field.kind == query_kind::text) continue;
      for (auto* value : {"%201", "1%20", "+1", "%2B1", "-1", "18446744073709551616",
                          "99999999999999999999s", "abc", "1.5", "1%0a"})
        with(value);
      if (field.kind == query_kind::number || field.kind == query_kind::duration) with("");
      refused(op, "?" + name + "=&" + name + "=", name);
    }
  EXPECT_EQ(app.service("web")["state"], "RUNNING");
}

TEST_F(operations_asked, with_a_field_in_the_body_that_they_do_not_know_refuse_it) {
  for (auto& op : operations()) {
    if (op.method == "GET" || op.body.what == body_schema::kind::free) continue;
    refused(op, "", "/no~1such", R"({"no/such": 1})");
    for (auto& field : op.body.fields) {
      auto name = std::string(field.name) + "x";
      refused(op, "", "/" + name, json{{name, 1}}.dump());
    }
  }
  EXPECT_EQ(app.service("web")["state"], "RUNNING");
  EXPECT_EQ(app.api("POST", "/v1/services/web/reset", "{}").status, 200);
}

TEST_F(operations_asked, to_scale_by_what_is_no_number_refuse_it_and_scale_nothing) {
  for (auto* wanted : {R"("+9223372036854775807")", R"("-9223372036854775809")", R"(" +1")",
                       R"("+1 ")", R"("+1\u0000z")", R"("\u0000")", R"("")", R"("1001")", "1001",
                       "-1", "1.5", "null", "[]", "{}", "true", "18446744073709551615"}) {
    auto reply =
        app.api("POST", "/v1/services/web/scale", R"({"instances": )" + std::string(wanted) + "}");
    EXPECT_EQ(reply.status, 422) << wanted;
    EXPECT_EQ(reply.document()["where"], "/instances") << wanted;
  }
  EXPECT_EQ(app.service("web")["instances"]["desired"], 1);
  EXPECT_EQ(app.api("POST", "/v1/services/web/scale?wait=20s", R"({"instances": "+1"})").status,
            200);
  EXPECT_EQ(app.service("web")["instances"]["desired"], 2);
}

TEST_F(operations_asked, to_go_on_after_an_event_that_is_none_refuse_it) {
  for (auto* id : {"+1", "-1", "1x", "99999999999999999999"}) {
    auto reply = http_connection((app.state() / "sm.sock").string())
                     .request("GET", "/v1/events", {}, {{"Last-Event-ID", id}});
    EXPECT_EQ(reply.status, 422) << id;
    EXPECT_EQ(reply.document()["where"], "Last-Event-ID") << id;
  }
}

TEST_F(operations_asked, for_some_members_of_the_services_answer_with_those_alone) {
  EXPECT_EQ(app.api("POST", "/v1/services/web/scale?wait=20s", R"({"instances": 2})").status, 200);
  auto all = app.api("GET", "/v1/services").document()["services"];
  for (auto member : service_members) {
    std::string chosen(member);
    auto some = app.api("GET", "/v1/services?fields=" + chosen).document()["services"];
    ASSERT_EQ(some.size(), all.size());
    for (std::size_t n = 0; n < all.size(); ++n) {
      EXPECT_EQ(some[n].contains(chosen), all[n].contains(chosen)) << chosen << some[n];
      for (auto& [name, value] : some[n].items())
        EXPECT_TRUE(name == chosen || name == "name" || name == "state") << chosen << some[n];
    }
  }
  auto web = app.api("GET", "/v1/services?q=web&fields=ready,restarts").document()["services"];
  EXPECT_EQ(web, (json{{{"name", "web"}, {"state", "RUNNING"}, {"ready", true}, {"restarts", 0}}}));
  EXPECT_EQ(app.api("GET", "/v1/services?fields=").document()["services"].size(), all.size());
  refused(operation_called("services.list"), "?fields=ready,", "fields");
  auto misspelt = app.api("GET", "/v1/services?fields=restart");
  EXPECT_NE(misspelt.body.find("did you mean 'restarts'?"), std::string::npos) << misspelt.body;
}

}  // namespace sm::test
