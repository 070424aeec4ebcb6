#include "queue/failure_record.hpp"

#include <ctime>

#include "queue/payload.hpp"
#include "queue/transfer.hpp"

namespace sm {
std::string encode_failure(const failure_record& f) {
  std::string text = R"({"failed_at":)";
  append_json_string(text, f.failed_at);
  // Within the record it is one deeper, and must be readable there.
  bool is_object = f.payload.starts_with('{') && parse_json("[" + f.payload + "]").has_value();
  text += R"(,"payload":)" + (is_object ? f.payload : R"({"class":"unreadable","args":[]})");
  auto add = [&](const char* key, const std::string& value) {
    text += std::string(",\"") + key + "\":";
    append_json_string(text, value);
  };
  add("exception", f.exception);
  add("error", f.error);
  text += R"(,"backtrace":[])";
  add("worker", f.worker.empty() ? "sm:0:*" : f.worker);
  add("queue", f.queue);
  if (!is_object) add("raw64", to_base64(f.payload));
  return text + "}";
}

failure_record decode_failure(const std::string& text) {
  failure_record f;
  auto document = parse_json(text);
  if (!document || !document->is_object()) return f;
  auto get = [&](const char* key) {
    auto member = document->find(key);
    return member != document->end() && member->is_string() ? member->get<std::string>()
                                                            : std::string{};
  };
  f.failed_at = get("failed_at");
  f.exception = get("exception");
  f.error = get("error");
  f.worker = get("worker");
  f.queue = get("queue");
  auto raw = get("raw64");
  f.payload =
      raw.empty() ? std::string(raw_member(text, "payload")) : from_base64(raw).value_or("");
  return f;
}

job_view to_view(const failure_record& f) {
  return {.id = key_of_job(f.payload),
          .queue = f.queue,
          .payload = f.payload,
          .state = job_state::dead,
          .worker = f.worker,
          .exception = f.exception,
          .error = f.error,
          .failed_at_ms = parse_resque_time(f.failed_at)};
}

std::string resque_time(std::int64_t unix_ms) {
  auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::int64_t parse_resque_time(const std::string& text) {
  std::tm parts{};
  if (!::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) &&
      !::strptime(text.c_str(), "%Y/%m/%d %H:%M:%S", &parts) &&
      !::strptime(text.c_str(), "%a %b %d %H:%M:%S UTC %Y", &parts))
    return 0;
  return std::int64_t{::timegm(&parts)} * 1000;
}

}  // namespace sm
