#include "queue/job_status.hpp"

#include <fmt/format.h>

#include "queue/unix_time.hpp"

namespace sm {

std::string encode_status(const job_status& s) {
  auto text = fmt::format(R"({{"status":{},"updated":{},"started":{})", static_cast<int>(s.status),
                          s.updated_s, s.started_s);
  auto add = [&](const char* key, const json& value) {
    text += fmt::format(R"(,"{}":)", key) + print_json(value);
  };
  if (s.status == job_status::phase::complete || !s.result.is_null()) add("result", s.result);
  if (!s.type.empty()) add("class", s.type);
  if (!s.queue.empty()) add("queue", s.queue);
  if (s.attempt > 0) add("attempt", s.attempt);
  if (s.share > 0 || !s.text.empty()) add("progress", {{"share", s.share}, {"text", s.text}});
  if (!s.error.empty()) add("error", s.error);
  return text + "}";
}

job_status decode_status(const std::string& document) {
  job_status s;
  auto parsed = parse_json(document);
  if (!parsed || !parsed->is_object()) return s;
  auto& d = *parsed;
  auto number = [](const json& object, const char* key, auto otherwise) {
    auto member = object.find(key);
    // A float may be too large for an integer.
    bool fits = member != object.end() &&
                (std::is_floating_point_v<decltype(otherwise)> ? member->is_number()
                                                               : member->is_number_integer());
    return fits ? member->get<decltype(otherwise)>() : otherwise;
  };
  auto text = [](const json& object, const char* key) {
    auto member = object.find(key);
    return member != object.end() && member->is_string() ? member->get<std::string>()
                                                         : std::string{};
  };
  auto status = number(d, "status", 1);
  s.status = status >= 1 && status <= 4 ? static_cast<job_status::phase>(status)
                                        : job_status::phase::waiting;
  s.updated_s = number(d, "updated", std::int64_t{0});
  s.started_s = number(d, "started", s.updated_s);
  s.type = text(d, "class");
  s.queue = text(d, "queue");
  s.error = text(d, "error");
  s.attempt = number(d, "attempt", 0U);
  if (auto result = d.find("result"); result != d.end()) s.result = *result;
  if (auto progress = d.find("progress"); progress != d.end() && progress->is_object()) {
    s.share = number(*progress, "share", 0.0);
    s.text = text(*progress, "text");
  }
  return s;
}

std::string running_status(const delivery& d, double share, const std::string& text) {
  auto s = decode_status(d.status);
  s.status = job_status::phase::running;
  s.updated_s = unix_ms() / 1000;
  if (s.started_s == 0) s.started_s = s.updated_s;
  s.attempt = d.attempt();
  s.share = share;
  s.text = text;
  s.error.clear();  // of an earlier attempt
  return encode_status(s);
}

bool has_ended(const job_status& s) noexcept {
  return s.status == job_status::phase::failed || s.status == job_status::phase::complete;
}

}  // namespace sm
