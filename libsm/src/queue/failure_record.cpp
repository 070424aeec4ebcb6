#include "queue/failure_record.hpp"

#include <algorithm>

#include "queue/payload.hpp"
#include "queue/transfer.hpp"

namespace sm {
namespace {

// Ruby's JSON reads no deeper (max_nesting); a record holds the payload one level down.
constexpr std::size_t record_depth_max = 100;

/// The payload as it stands in a record, or "" when it cannot stand there.
std::string embedded(const std::string& payload) {
  if (!payload.starts_with('{') || nesting_of(payload) >= record_depth_max) return {};
  return parse_json(payload).has_value() ? payload : std::string{};
}

/// What stands in its place.
std::string stand_in(const std::string& payload) {
  auto type = payload.starts_with('{') ? string_member(payload, "class") : std::string{};
  std::string text = R"({"class":)";
  append_json_string(text, type.empty() ? "unreadable" : type);
  return text + R"(,"args":[]})";
}

}  // namespace

std::string encode_failure(const failure_record& f) {
  std::string text = R"({"failed_at":)";
  append_json_string(text, f.failed_at);
  auto payload = embedded(f.payload);
  text += R"(,"payload":)" + (payload.empty() ? stand_in(f.payload) : payload);
  auto add = [&](const char* key, const std::string& value) {
    text += std::string(",\"") + key + "\":";
    append_json_string(text, value);
  };
  add("exception", f.exception);
  add("error", f.error);
  text += R"(,"backtrace":[])";
  add("worker", f.worker.empty() ? "sm:0:*" : f.worker);
  add("queue", f.queue);
  if (payload.empty()) add("raw64", to_base64(f.payload));
  return text + "}";
}

failure_record decode_failure(const std::string& text) {
  // Member by member: Resque writes the payload into its record, and that may be one that
  // `parse_json` refuses.
  failure_record f{.has_payload = false};
  if (!text.starts_with('{')) return f;
  f.failed_at = string_member(text, "failed_at");
  f.exception = string_member(text, "exception");
  f.error = string_member(text, "error");
  f.worker = string_member(text, "worker");
  f.queue = string_member(text, "queue");
  f.retried_at = string_member(text, "retried_at");
  std::optional<std::string> bytes;
  if (auto raw = raw_member(text, "raw64"); raw.starts_with('"'))
    bytes = from_base64(string_member(text, "raw64"));
  else if (!raw.empty())
    bytes.reset();  // the payload is a stand-in for bytes that are elsewhere
  else if (auto payload = raw_member(text, "payload"); payload.starts_with('{'))
    bytes = payload;
  f.has_payload = bytes.has_value();
  f.payload = std::move(bytes).value_or("");
  return f;
}

bool may_fit(std::string_view record, const dead_filter& filter) noexcept {
  // A text without anything that may be escaped stands in the document as it is.
  auto may_have = [&](const std::string& text) {
    bool plain = std::all_of(text.begin(), text.end(), [](char c) {
      return c >= ' ' && c < 0x7f &&
             std::string_view("\"\\/<>&'").find(c) == std::string_view::npos;
    });
    return !plain || record.find(text) != record.npos;
  };
  // What stands in raw64 cannot be seen, and an id may be the SHA-1 of the bytes, or have a prefix.
  bool in_clear = record.find(R"("raw64")") == record.npos;
  if (!may_have(filter.queue) || !may_have(filter.text)) return false;
  if (in_clear && !may_have(filter.type)) return false;
  if (!in_clear || filter.ids.size() != 1) return true;
  auto& id = *filter.ids.begin();
  return id.size() == 40 || id.find('_') != id.npos || may_have(id);
}

job_view to_view(const failure_record& f) {
  return {.id = key_of_job(f.payload),
          .queue = f.queue,
          .payload = f.payload,
          .state = job_state::dead,
          .worker = f.worker,
          .exception = f.exception,
          .error = f.error,
          .failed_at_ms = parse_resque_time(f.failed_at),
          .retried_at = f.retried_at,
          .has_payload = f.has_payload};
}

}  // namespace sm
