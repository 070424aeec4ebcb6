// The documents of the API as JSON Schema.
#include <array>

#include "api/openapi.hpp"
#include "schema/documents.hpp"
#include "schema/queue_fields.hpp"
#include "schema/spec_fields.hpp"

namespace sm {
namespace {

const json any = json::object();
const json text{{"type", "string"}};
const json integer{{"type", "integer"}};
const json number{{"type", "number"}};
const json boolean{{"type", "boolean"}};

json ref(const char* name) { return {{"$ref", std::string("#/components/schemas/") + name}}; }
json or_null(const char* type) { return {{"type", {type, "null"}}}; }
json list_of(json items) { return {{"type", "array"}, {"items", std::move(items)}}; }
json map_of(json values) {
  return {{"type", "object"}, {"additionalProperties", std::move(values)}};
}
json words(std::initializer_list<const char*> all) {
  return {{"type", "string"}, {"enum", std::vector<std::string>(all.begin(), all.end())}};
}

/// An object: a name that ends in '?' may be missing.
json object(std::initializer_list<std::pair<const char*, json>> fields) {
  json schema{{"type", "object"}, {"properties", json::object()}};
  for (auto& [name, value] : fields) {
    std::string_view called = name;
    if (called.ends_with('?'))
      called.remove_suffix(1);
    else
      schema["required"].push_back(called);
    schema["properties"][std::string(called)] = value;
  }
  return schema;
}

json state_schema() {
  return words(
      {"STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "REMOVED"});
}

json usage(json schema) {
  schema["properties"].update({{"pid", or_null("integer")},
                               {"adapter_pid", integer},
                               {"cpu_seconds", number},
                               {"memory_bytes", integer},
                               {"status_text", text},
                               {"reloading", boolean},
                               {"build", text},
                               {"outdated", boolean}});
  return schema;
}

json service_schemas() {
  json all;
  all["Instance"] = usage(object({{"name", text},
                                  {"answers_to", text},
                                  {"state", state_schema()},
                                  {"ready", boolean},
                                  {"restarts", integer},
                                  {"since_s", integer},
                                  {"uptime_s", integer},
                                  {"last_exit", or_null("string")},
                                  {"last_end", or_null("string")},
                                  {"reason", or_null("string")},
                                  {"next_start_in?", text}}));
  auto counts = object({{"desired", integer}, {"running", integer}, {"ready", integer}});
  // A service that is gone by now has its name and state alone.
  all["Service"] = usage(object({{"name", text},
                                 {"state", state_schema()},
                                 {"type?", or_null("string")},
                                 {"group?", text},
                                 {"tags?", list_of(text)},
                                 {"desired?", words({"running", "stopped"})},
                                 {"instances?", counts},
                                 {"ready?", boolean},
                                 {"restarts?", integer},
                                 {"last_exit?", or_null("string")},
                                 {"reason?", or_null("string")},
                                 {"node?", text},
                                 {"origin?", or_null("string")},
                                 {"waits_for?", text},
                                 {"done?", boolean},
                                 {"rollout?", text},
                                 {"uptime_s?", integer},
                                 {"instance_list?", list_of(ref("Instance"))},
                                 {"spec?", ref("Specification")},
                                 {"declared?", boolean},
                                 {"commands?", list_of(text)}}));
  all["ServiceList"] = object(
      {{"services", list_of(ref("Service"))}, {"total?", integer}, {"next?", or_null("integer")}});
  all["EventList"] = object(
      {{"events", list_of(object({{"index", integer},
                                  {"type", text},
                                  {"data", object({{"time", text}, {"service?", text}})}}))}});
  all["Signalled"] = object({{"signalled", list_of(text)}});
  all["CommandResult"] = object({{"result", any}});
  all["Gathered"] =
      object({{"complete", boolean},
              {"results",
               map_of(object({{"ok", boolean},
                              {"result?", any},
                              {"us?", integer},
                              {"error?", object({{"code", ref("Code")}, {"detail?", text}})}}))}});
  return all;
}

json specification_schemas() {
  return {{"Specification", json_schema(rows_of<service_spec>())},
          {"NewService", {{"allOf", {ref("Specification"), {{"required", {"name"}}}}}}}};
}

json queue_schemas() {
  json all;
  all["Queue"] = object({{"name", text},
                         {"ready", integer},
                         {"running", integer},
                         {"delayed", integer},
                         {"latency_s", number},
                         {"paused", boolean},
                         {"limits", json_schema(rows_of<queue_limits>())}});
  all["QueueList"] = object({{"queues", list_of(ref("Queue"))},
                             {"processed", integer},
                             {"failed", integer},
                             {"dead", integer},
                             {"paused", boolean}});
  all["JobHistory"] = object({{"step_s", integer},
                              {"until_ms", integer},
                              {"done", list_of(integer)},
                              {"failed", list_of(integer)},
                              {"took_s", list_of(number)},
                              {"ready", list_of(integer)},
                              {"latency_s", list_of(number)}});
  all["RemovedJobs"] = object({{"removed", integer}});
  all["Paused"] = object({{"queue", text}, {"paused", boolean}});
  all["Job"] = object(
      {{"id", text},
       {"state", words({"ready", "running", "delayed", "dead", "done", "cancelled", "gone"})},
       {"queue?", text},
       {"type?", text},
       {"args?", any},
       {"enqueued_at_ms?", integer},
       {"unreadable?", text},
       {"payload?", text},
       {"attempt?", integer},
       {"run_at_ms?", integer},
       {"worker?", text},
       {"exception?", text},
       {"error?", text},
       {"failed_at_ms?", integer},
       {"retried_at?", text},
       {"tracked?", boolean},
       {"progress?", object({{"share", number}, {"text", text}})},
       {"result?", any},
       {"updated_s?", integer},
       {"enqueued_s?", integer}});
  all["JobList"] = object({{"jobs", list_of(ref("Job"))}, {"next", or_null("integer")}});
  all["FailedList"] = object({{"failed", list_of(ref("Job"))}, {"next", or_null("integer")}});
  all["Enqueued"] = {{"oneOf", {object({{"id", text}}), object({{"ids", list_of(text)}})}}};
  all["Imported"] = object({{"imported", integer}});
  all["Cancelled"] = object({{"id", text}, {"state", words({"removed", "cancelling"})}});
  all["Removed"] = object({{"removed", integer}, {"missing", list_of(text)}});
  all["Requeued"] = object({{"requeued", integer}, {"missing", list_of(text)}});
  all["Schedule"] = json_schema(rows_of<schedule_spec>());
  all["Schedule"].erase("additionalProperties");
  all["Schedule"]["required"] = {"name"};
  all["Schedule"]["properties"].update({{"declared_by", or_null("string")},
                                        {"last_ms", integer},
                                        {"next_ms", integer},
                                        {"unreadable", text}});
  all["NewSchedule"] = json_schema(rows_of<schedule_spec>());
  all["NewSchedule"]["required"] = {"cron", "type"};
  all["ScheduleList"] = object({{"schedules", list_of(ref("Schedule"))}});
  all["RemovedSchedule"] = object({{"removed", text}});
  all["Stored"] = object({{"id", text}});
  return all;
}

json configuration_schemas() {
  auto field = object({{"field", text}, {"before", any}, {"after", any}});
  auto processes = object({{"replaced", list_of(text)},
                           {"kept", list_of(text)},
                           {"started", list_of(text)},
                           {"stopped", list_of(text)}});
  json all;
  all["Change"] = object({{"kind?", words({"service", "group", "schedule", "limit", "setting"})},
                          {"name", text},
                          {"action", words({"add", "change", "remove", "keep"})},
                          {"origin?", text},
                          {"fields?", list_of(field)},
                          {"processes?", processes},
                          {"by_hand?", list_of(field)},
                          {"removed_by_hand?", boolean},
                          {"spec?", ref("Specification")},
                          {"applies?", text},
                          {"outcome?", text},
                          {"error?", any}});
  auto mistake = object({{"file", or_null("string")},
                         {"line", integer},
                         {"column", integer},
                         {"key", text},
                         {"detail", text}});
  all["Plan"] =
      object({{"etag", text}, {"changes", list_of(ref("Change"))}, {"errors", list_of(mistake)}});
  all["Applied"] = object({{"complete", boolean},
                           {"changes", list_of(ref("Change"))},
                           {"pending_settings", list_of(text)}});
  all["Daemon"] = object({{"pid", integer},
                          {"start_time", integer},
                          {"run", text},
                          {"version", text},
                          {"build", text},
                          {"program", text},
                          {"state", text},
                          {"config", or_null("string")}});
  all["Token"] = object({{"name", text},
                         {"role", words({"viewer", "operator", "admin"})},
                         {"prefix", text},
                         {"created", text},
                         {"expires", or_null("string")},
                         {"last_used", or_null("string")},
                         {"session", boolean},
                         {"services", or_null("string")}});
  all["TokenList"] = object({{"tokens", list_of(ref("Token"))}});
  all["MadeToken"] = object({{"token", ref("Token")}, {"secret", text}});
  all["RemovedToken"] = object({{"removed", text}});
  all["AuditList"] = object({{"entries", list_of(object({{"n", integer},
                                                         {"ts", text},
                                                         {"operation", text},
                                                         {"method", text},
                                                         {"path", text},
                                                         {"by", text},
                                                         {"role?", text},
                                                         {"status", integer},
                                                         {"code?", text},
                                                         {"detail?", text},
                                                         {"unwritten?", integer},
                                                         {"trace_id?", text},
                                                         {"id", text},
                                                         {"prev", text},
                                                         {"hash", text}}))}});
  all["SignIn"] = object(
      {{"url", text}, {"role", words({"viewer", "operator", "admin"})}, {"expires_in_s", integer}});
  all["Reexecuted"] = object({{"pid", integer}, {"build", text}});
  return all;
}

json common_schemas() {
  json codes = json::array();
  for (std::size_t i = 0; i <= static_cast<std::size_t>(errc::internal); ++i)
    codes.push_back(to_string(static_cast<errc>(i)));
  return {{"Duration",
           {{"type", "string"},
            {"pattern", "^[0-9]+(ms|s|m|h|d)?$"},
            {"description", "a whole number with a unit; without one, seconds"}}},
          {"Code", {{"type", "string"}, {"enum", std::move(codes)}}},
          {"OpenApi", {{"type", "object"}}},
          {"Problem", object({{"type", text},
                              {"title", text},
                              {"status", integer},
                              {"code", ref("Code")},
                              {"detail", text},
                              {"where?", text},
                              {"request_id?", text},
                              {"trace_id?", text}})}};
}

}  // namespace

std::span<json (*const)()> schema_parts() {
  static constexpr std::array<json (*)(), 5> parts{
      service_schemas, specification_schemas, queue_schemas, configuration_schemas, common_schemas};
  return parts;
}

json openapi_schemas() {
  json all;
  for (auto part : schema_parts()) all.update(part());
  return all;
}

}  // namespace sm
