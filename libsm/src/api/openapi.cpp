#include "api/openapi.hpp"

#include <algorithm>
#include <set>

#include "text/ascii.hpp"

namespace sm {
namespace {

// Beyond it JavaScript rounds (2^53).
constexpr std::uint64_t exact_most = 1ULL << 53;

struct template_path {
  std::string text;                ///< "/v1/services/{name}"
  std::vector<std::string> names;  ///< of its captures
  bool has_rest = false;           ///< the last one stands for several segments
};

template_path path_of(std::string_view pattern) {
  template_path path;
  while (!pattern.empty()) {
    auto segment = pattern.substr(0, pattern.find('/', 1));
    pattern.remove_prefix(segment.size());
    if (segment.size() > 1 && (segment[1] == ':' || segment[1] == '*')) {
      path.has_rest = path.has_rest || segment[1] == '*';
      path.names.emplace_back(segment.substr(2));
      path.text += "/{" + path.names.back() + "}";
    } else {
      path.text += segment;
    }
  }
  return path;
}

/// The table's words are Markdown's, as are OpenAPI's.
json described(json schema, std::string_view doc) {
  if (!doc.empty()) schema["description"] = doc;
  return schema;
}

json schema_of(const query_field& field) {
  switch (field.kind) {
    case query_kind::text:
      return {{"type", "string"}};
    case query_kind::number: {
      json schema{{"type", "integer"}, {"minimum", field.least}};
      if (field.most <= exact_most) schema["maximum"] = field.most;
      return schema;
    }
    case query_kind::duration:
      return {{"$ref", "#/components/schemas/Duration"}};
    case query_kind::word:
      return {{"type", "string"}, {"enum", field.words}};
    case query_kind::words:
      return {{"type", "array"}, {"items", {{"type", "string"}, {"enum", field.words}}}};
    case query_kind::flag:
      return {{"type", "string"}, {"enum", {"1", "0", "true", "false"}}};
  }
  return json::object();
}

json parameters_of(const template_path& path, std::span<const query_field> query) {
  json list = json::array();
  for (auto& name : path.names) {
    json parameter{
        {"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}};
    if (path.has_rest && &name == &path.names.back())
      parameter["description"] = "the rest of the path, with its slashes";
    list.push_back(std::move(parameter));
  }
  for (auto& field : query) {
    json parameter{{"name", field.name}, {"in", "query"}, {"schema", schema_of(field)}};
    // With commas; otherwise each would be a parameter of its own.
    if (field.kind == query_kind::words) parameter["explode"] = false;
    list.push_back(described(std::move(parameter), field.doc));
  }
  return list;
}

json content_of(std::string_view media, json schema) {
  return {{std::string(media), {{"schema", std::move(schema)}}}};
}

json reference_to(std::string_view schema) {
  return {{"$ref", "#/components/schemas/" + std::string(schema)}};
}

json request_body(const operation& op) {
  using kind = body_schema::kind;
  switch (op.body.what) {
    case kind::nothing:
      return nullptr;
    case kind::document:
      return {{"required", true},
              {"content", content_of("application/json", reference_to(op.body.schema))}};
    case kind::free:
      return described({{"content", op.gives == "Imported"
                                        ? content_of("application/x-ndjson", {{"type", "string"}})
                                        : content_of("application/json", json::object())}},
                       op.body.called);
    case kind::fields: {
      json properties = json::object(), needed = json::array();
      for (auto& field : op.body.fields) {
        json schema = json::object();
        if (!field.type.empty()) schema["type"] = field.type;
        if (field.type == "array") schema["items"] = json::object();
        properties[std::string(field.name)] = described(std::move(schema), field.doc);
        if (field.needed) needed.push_back(field.name);
      }
      json schema{{"type", "object"},
                  {"properties", std::move(properties)},
                  {"additionalProperties", false}};
      if (!needed.empty()) schema["required"] = std::move(needed);
      return {{"required", !op.body.optional},
              {"content", content_of("application/json", std::move(schema))}};
    }
  }
  return nullptr;
}

void add_errors(json& responses) {
  responses["4XX"] = {{"$ref", "#/components/responses/Problem"}};
  responses["5XX"] = {{"$ref", "#/components/responses/Problem"}};
}

json responses_of(const operation& op) {
  bool media = op.gives.find('/') != op.gives.npos;
  auto content = media ? content_of(op.gives, {{"type", "string"}})
                       : content_of("application/json", reference_to(op.gives));
  if (op.id == "services.logs")
    content.update(content_of("text/event-stream", {{"type", "string"}}));
  json success{{"description", op.answer}, {"content", content}};
  json responses{{std::to_string(op.status), success}};
  if (op.id == "jobs.cancel") responses["202"] = success;
  add_errors(responses);
  // The probe says what is not ready in its own words.
  if (op.id == "health.ready")
    responses["503"] = {{"description", "`not ready`"},
                        {"content", content_of("text/plain", {{"type", "string"}})}};
  return responses;
}

json token_needed() { return json::array({json{{"token", json::array()}}}); }

json entry_of(const operation& op) {
  json entry{{"operationId", op.id},
             {"summary", op.summary},
             {"tags", {std::string(op.id.substr(0, op.id.find('.')))}},
             {"responses", responses_of(op)},
             {"security", op.access == route_access::probe ? json::array() : token_needed()}};
  if (op.access != route_access::probe) entry["x-role"] = to_string(op.role);
  auto parameters = parameters_of(path_of(op.path), op.query);
  if (op.id == "config.apply")
    parameters.push_back({{"name", "If-Match"},
                          {"in", "header"},
                          {"description", "the plan's etag in quotes, instead of the body's"},
                          {"schema", {{"type", "string"}}}});
  if (!parameters.empty()) entry["parameters"] = std::move(parameters);
  if (auto body = request_body(op); !body.is_null()) entry["requestBody"] = std::move(body);
  return entry;
}

/// "program.get_api_users_id": letters, digits and '_' alone.
std::string id_of(const user_route& route) {
  auto id = "program." + lower_case(route.method);
  bool owed = true;
  for (char c : route.pattern) {
    bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word) {
      owed = true;
      continue;
    }
    if (std::exchange(owed, false)) id += '_';
    id += c;
  }
  return id;
}

json entry_of(const user_route& route, std::set<std::string>& ids) {
  auto id = id_of(route);
  for (int n = 2; !ids.insert(id).second; ++n) id = id_of(route) + "_" + std::to_string(n);
  auto& types = route.types;
  json success{{"description", types.answer == route_types::kind::nothing ? "done" : "the answer"}};
  using kind = route_types::kind;
  if (types.answer == kind::text)
    success["content"] = content_of("text/plain", {{"type", "string"}});
  else if (types.answer == kind::document)
    success["content"] = content_of("application/json", schema_like(types.answer_like));
  json responses{{types.answer == kind::nothing ? "204" : "200", std::move(success)}};
  add_errors(responses);
  json entry{{"operationId", id},
             {"summary", route.method + " " + route.pattern},
             {"tags", {"program"}},
             {"security", route.role ? token_needed() : json::array()},
             {"responses", std::move(responses)}};
  if (route.role) entry["x-role"] = to_string(*route.role);
  if (auto parameters = parameters_of(path_of(route.pattern), {}); !parameters.empty())
    entry["parameters"] = std::move(parameters);
  if (!types.body_like.is_null()) {
    auto schema = schema_like(types.body_like);
    if (!types.body_needs.empty()) schema["required"] = types.body_needs;
    entry["requestBody"] = {{"required", true},
                            {"content", content_of("application/json", std::move(schema))}};
  }
  return entry;
}

constexpr std::pair<const char*, const char*> tag_rows[] = {
    {"services", "what runs"},
    {"events", "what happens"},
    {"queues", "where jobs wait"},
    {"jobs", "jobs"},
    {"failed", "jobs that failed for good"},
    {"schedules", "what recurs"},
    {"api", "this document"},
    {"metrics", "figures for collectors"},
    {"health", "probes"},
    {"config", "the configuration"},
    {"audit", "who changed what"},
    {"tokens", "who may ask over TCP"},
    {"daemon", "the manager itself"},
    {"sign_ins", "links that sign browsers in to the dashboard"},
    {"program", "the program's own routes"}};

}  // namespace

json openapi_document(std::string_view program, std::string_view version,
                      std::span<const user_route> own, std::span<const operation> rows) {
  json paths = json::object();
  std::set<std::string> used;
  for (auto& op : rows) {
    paths[path_of(op.path).text][lower_case(op.method)] = entry_of(op);
    used.emplace(op.id.substr(0, op.id.find('.')));
  }
  std::set<std::string> ids;
  for (auto& route : own) {
    paths[path_of(route.pattern).text][lower_case(route.method)] = entry_of(route, ids);
    used.emplace("program");
  }
  json tags = json::array();
  for (auto& [name, doc] : tag_rows)
    if (used.erase(name) > 0) tags.push_back({{"name", name}, {"description", doc}});
  for (auto& name : used) tags.push_back({{"name", name}});
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", program},
            {"version", version},
            {"summary", "What this manager of sm serves"},
            {"license", {{"name", "BSD 3-Clause"}, {"identifier", "BSD-3-Clause"}}}}},
          {"servers", {{{"url", "/"}}}},
          {"tags", std::move(tags)},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes",
             {{"token",
               {{"type", "http"},
                {"scheme", "bearer"},
                {"description",
                 "over TCP, the token of the state folder; over the Unix socket the "
                 "user is who may"}}}}},
            {"responses",
             {{"Problem",
               {{"description", "an error (RFC 9457)"},
                {"content", content_of("application/problem+json", reference_to("Problem"))}}}}},
            {"schemas", openapi_schemas()}}}};
}

json schema_like(const json& sample) {
  switch (sample.type()) {
    case json::value_t::boolean:
      return {{"type", "boolean"}};
    case json::value_t::number_integer:
    case json::value_t::number_unsigned:
      return {{"type", "integer"}};
    case json::value_t::number_float:
      return {{"type", "number"}};
    case json::value_t::string:
      return {{"type", "string"}};
    case json::value_t::array:
      return {{"type", "array"},
              {"items", sample.empty() ? json::object() : schema_like(sample.front())}};
    case json::value_t::object: {
      json schema{{"type", "object"}};
      for (auto& [name, value] : sample.items()) schema["properties"][name] = schema_like(value);
      return schema;
    }
    default:
      return json::object();
  }
}

}  // namespace sm
