#include "queue/job_documents.hpp"

#include "queue/job_status.hpp"
#include "queue/payload.hpp"
#include "queue/schedule.hpp"
#include "schema/queue_fields.hpp"

namespace sm {

json to_document(const job_view& v) {
  json j{{"id", v.id}, {"queue", v.queue}, {"state", std::string(to_string(v.state))}};
  if (auto job = decode_payload(v.payload)) {
    j["type"] = job->type;
    j["args"] = job->args;
    if (job->queue_time > 0)
      j["enqueued_at_ms"] = static_cast<std::int64_t>(job->queue_time * 1000);
  } else {
    if (auto type = string_member(v.payload, "class"); !type.empty()) j["type"] = type;
    j["unreadable"] = to_string(job.error());
  }
  j["payload"] = v.payload;
  j["attempt"] = v.failures + v.crashes + 1;
  if (v.state == job_state::delayed) j["run_at_ms"] = v.run_at_ms;
  if (v.state == job_state::running) j["worker"] = v.worker;
  if (v.state == job_state::dead) {
    j.erase("attempt");
    j["worker"] = v.worker;
    j["exception"] = v.exception;
    j["error"] = v.error;
    j["failed_at_ms"] = v.failed_at_ms;
    if (!v.retried_at.empty()) j["retried_at"] = v.retried_at;
  }
  return j;
}

json to_document(const queue_counts& c) {
  return {{"name", c.queue},
          {"ready", c.ready},
          {"running", c.running},
          {"delayed", c.delayed},
          {"latency_s", static_cast<double>(c.oldest_ms) / 1000},
          {"paused", c.paused},
          {"limits", to_fields(c.limits)}};
}

json to_document(const stored_schedule& s, std::int64_t now_ms) {
  auto document = parse_json(s.document);
  json j = document && document->is_object() ? *document : json{{"name", s.name}};
  if (!j.contains("declared_by")) j["declared_by"] = nullptr;
  j["last_ms"] = s.last_ms;
  auto spec = schedule_in(s);
  if (!spec)
    j["unreadable"] = to_string(spec.error());
  else
    j["next_ms"] = step(*spec, s.last_ms, now_ms).next_ms;
  return j;
}

void add_status(json& j, const std::string& document) {
  if (document.empty()) return;
  auto s = decode_status(document);
  using phase = job_status::phase;
  if (!j.contains("state"))
    j["state"] = s.status == phase::complete  ? "done"
                 : s.status == phase::failed  ? (s.error == "cancelled" ? "cancelled" : "dead")
                 : s.status == phase::running ? "running"
                                              : "ready";
  j["tracked"] = true;
  if (!s.type.empty()) j["type"] = s.type;
  if (!s.queue.empty()) j["queue"] = s.queue;
  if (s.share > 0 || !s.text.empty()) j["progress"] = {{"share", s.share}, {"text", s.text}};
  if (!s.result.is_null() || s.status == phase::complete) j["result"] = s.result;
  if (!s.error.empty()) j["error"] = s.error;
  j["updated_s"] = s.updated_s;
  j["enqueued_s"] = s.started_s;
}

}  // namespace sm
