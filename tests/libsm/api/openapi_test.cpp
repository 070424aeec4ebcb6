#include "api/openapi.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sm/http.hpp>

#include "service/service_members.hpp"

namespace sm {
namespace {

struct order {
  std::string item;
  int count = 0;
  std::vector<double> sizes;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(order, item, count, sizes)

struct wish {
  std::string item = "tea";
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(wish, item)

template <class F>
user_route route_of(const char* method, const char* pattern, F) {
  return {method, pattern, detail::types_of_route<F>()};
}

const json& at(const json& document, const std::string& pointer) {
  return document.at(json::json_pointer(pointer));
}

/// Every "$ref" of a document.
void collect(const json& document, std::set<std::string>& out) {
  if (document.is_object() && document.contains("$ref")) out.insert(document["$ref"]);
  if (document.is_structured())
    for (auto& element : document) collect(element, out);
}

}  // namespace

TEST(openapi, has_every_operation_with_its_captures_query_body_and_errors) {
  auto document = openapi_document("app", "1.0", {});
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::size_t found = 0;
  for (auto& [path, methods] : document["paths"].items()) found += methods.size();
  EXPECT_EQ(found, operations().size());
  for (auto& op : operations()) {
    std::string path;
    std::set<std::string> names;
    for (std::string_view rest = op.path; !rest.empty();) {
      auto segment = rest.substr(0, rest.find('/', 1));
      rest.remove_prefix(segment.size());
      bool capture = segment.starts_with("/:");
      path += capture ? "/{" + std::string(segment.substr(2)) + "}" : std::string(segment);
      if (capture) names.insert("path " + std::string(segment.substr(2)));
    }
    for (auto& field : op.query) names.insert("query " + std::string(field.name));
    if (op.id == "config.apply") names.insert("header If-Match");
    auto method = std::string(op.method);
    std::transform(method.begin(), method.end(), method.begin(),
                   [](char c) { return static_cast<char>(c | 0x20); });
    auto& entry = document["paths"][path][method];
    ASSERT_EQ(entry["operationId"], op.id) << path;
    std::set<std::string> given;
    for (auto& parameter : entry.value("parameters", json::array()))
      given.insert(parameter["in"].get<std::string>() + " " + parameter["name"].get<std::string>());
    EXPECT_EQ(given, names) << op.id;
    EXPECT_EQ(entry.contains("requestBody"), op.body.what != body_schema::kind::nothing) << op.id;
    EXPECT_FALSE(op.gives.empty()) << op.id;
    auto& success = entry["responses"][std::to_string(op.status)];
    EXPECT_FALSE(success["content"].empty()) << op.id;
    for (auto* errors : {"4XX", "5XX"})
      EXPECT_EQ(entry["responses"][errors]["$ref"], "#/components/responses/Problem") << op.id;
  }
  EXPECT_EQ(at(document, "/components/responses/Problem/content").begin().key(),
            "application/problem+json");
}

TEST(openapi, refers_to_schemas_that_are_there_and_has_none_besides) {
  auto document = openapi_document("app", "1.0", {});
  std::set<std::string> referred, there;
  collect(document, referred);
  for (auto& [name, schema] : document["components"]["schemas"].items())
    there.insert("#/components/schemas/" + name);
  there.insert("#/components/responses/Problem");
  EXPECT_EQ(referred, there);
}

TEST(openapi, shows_the_program_s_own_routes_with_what_their_types_tell) {
  const std::vector<user_route> own{
      route_of("POST", "/api/orders/:id", [](request&, const order& o) { return o.count; }),
      route_of("PUT", "/api/wish", [](request&, const wish&) {}),
      route_of("GET", "/files/*path", [](request&) { return std::string("text"); }),
      route_of("GET", "/api/later", [] { return promise<order>(); }),
      route_of("GET", "/api/any", [](request&) { return response{}; })};
  auto document = openapi_document("app", "1.0", own);
  auto& post = document["paths"]["/api/orders/{id}"]["post"];
  EXPECT_EQ(post["operationId"], "program.post_api_orders_id");
  EXPECT_EQ(post["parameters"][0]["name"], "id");
  auto& body = at(post, "/requestBody/content/application~1json/schema");
  EXPECT_EQ(body["properties"]["item"], (json{{"type", "string"}}));
  EXPECT_EQ(body["properties"]["sizes"]["type"], "array");
  EXPECT_EQ(body["required"], (json{"count", "item", "sizes"}));
  EXPECT_EQ(at(post, "/responses/200/content/application~1json/schema"),
            (json{{"type", "integer"}}));
  auto& put = document["paths"]["/api/wish"]["put"];
  EXPECT_FALSE(at(put, "/requestBody/content/application~1json/schema").contains("required"));
  EXPECT_TRUE(put["responses"].contains("204"));
  auto& file = document["paths"]["/files/{path}"]["get"];
  EXPECT_TRUE(at(file, "/responses/200/content").contains("text/plain"));
  auto& later = document["paths"]["/api/later"]["get"];
  EXPECT_EQ(at(later, "/responses/200/content/application~1json/schema/properties/count/type"),
            "integer");
  EXPECT_FALSE(at(document, "/paths/~1api~1any/get/responses/200").contains("content"));
  EXPECT_EQ(document["tags"].back()["name"], "program");
}

TEST(openapi, a_parameter_with_several_words_has_them_with_commas) {
  auto document = openapi_document("app", "1.0", {});
  for (auto& parameter : at(document, "/paths/~1v1~1services/get/parameters"))
    if (parameter["name"] == "fields") {
      EXPECT_EQ(parameter["explode"], false);
      EXPECT_EQ(at(parameter, "/schema/type"), "array");
      return;
    }
  FAIL() << "there is no such parameter";
}

TEST(openapi, of_a_listing_every_member_that_it_shows_can_be_chosen) {
  std::set<std::string> shown;
  auto schemas = openapi_schemas();
  for (auto& [name, schema] : at(schemas, "/Service/properties").items()) shown.insert(name);
  // What each service has, and what it has in detail alone.
  for (auto* other : {"name", "state", "spec", "declared", "commands"})
    EXPECT_EQ(shown.erase(other), 1U) << other;
  EXPECT_EQ(shown, std::set<std::string>(service_members.begin(), service_members.end()));
}

}  // namespace sm
