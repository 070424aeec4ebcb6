#include "queue/payload.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sm {

std::string encode_payload(const std::string& type, const json& argument, const job_id& id,
                           double queue_time) {
  // By hand, for php-resque's exact order of the fields.
  std::string text = R"({"class":)";
  append_json_string(text, type);
  text += R"(,"args":[)" + print_json(argument) + R"(],"id":)";
  append_json_string(text, id);
  text += fmt::format(R"(,"queue_time":{:.6f}}})", queue_time);
  return text;
}

result<job_payload> decode_payload(std::string_view text) {
  auto document = parse_json(text);
  if (!document) return fail(errc::bad_arguments, "the job is " + document.error().detail);
  if (!document->is_object()) return fail(errc::bad_arguments, "the job is no JSON object");
  job_payload job;
  auto type = document->find("class");
  if (type == document->end() || !type->is_string() || type->get_ref<const std::string&>().empty())
    return fail(errc::bad_arguments, "must be a string that is not empty", "/class");
  job.type = *type;
  if (auto args = document->find("args"); args != document->end()) {
    if (!args->is_array()) return fail(errc::bad_arguments, "must be an array", "/args");
    job.args = std::move(*args);
  }
  if (auto id = document->find("id"); id != document->end() && id->is_string()) job.id = *id;
  return job;
}

bool valid_queue_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= 128 &&
         std::none_of(name.begin(), name.end(),
                      [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

}  // namespace sm
