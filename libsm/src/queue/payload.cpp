#include "queue/payload.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "json_reader.hpp"

namespace sm {
namespace {

constexpr double queue_time_max = 1e11;  // Unix seconds, in the year 5138

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::string text_at(const json& object, const char* key) {
  auto member = object.find(key);
  return member == object.end() ? std::string{} : text_of(*member);
}

}  // namespace

std::string encode_payload(const job_payload& job) {
  // By hand, for php-resque's exact order of the fields.
  std::string text = R"({"class":)";
  append_json_string(text, job.type);
  text += R"(,"args":)" + print_json(job.args) + R"(,"id":)";
  append_json_string(text, job.id);
  // As JSON.stringify and PHP print it: who looks for a job by its text finds it.
  text += fmt::format(R"(,"queue_time":{})", job.queue_time);
  if (job.trace) text += R"(,"traceparent":")" + job.trace.traceparent() + '"';
  auto options = json::object();
  if (job.run_at_ms > 0) options["run_at"] = job.run_at_ms;
  if (!job.lock.empty()) {
    options["lock"] = job.lock;
    options["until"] = job.lock_expires ? "expired" : job.lock_until_started ? "started" : "done";
  }
  return text + R"(,"sm":)" + print_json(options) + "}";
}

bool is_foreign_with_id(std::string_view payload) noexcept {
  return payload.find(R"("id":)") != payload.npos && payload.find(R"("sm":{)") == payload.npos;
}

result<job_payload> decode_payload(std::string_view text) {
  static constexpr std::array<std::string_view, 7> names{"class",      "args", "id",  "prefix",
                                                         "queue_time", "sm",   "vars"};
  std::array<json, names.size()> values;
  auto object = read_members(text, names, values);
  if (!object) return fail(errc::bad_arguments, "the job cannot be read: " + object.error().detail);
  if (!*object) return fail(errc::bad_arguments, "the job is no JSON object");
  auto& [type, args, id, prefix, queue_time, options, vars] = values;
  job_payload job;
  job.type = text_of(type);
  if (job.type.empty())
    return fail(errc::bad_arguments, "must be a string that is not empty", "/class");
  if (args.is_array())
    job.args = std::move(args);
  else if (!args.is_discarded() && !args.is_null())
    return fail(errc::bad_arguments, "must be an array", "/args");
  else if (vars.is_object())  // Jesque's named arguments: the one object that PHP would give
    job.args.push_back(std::move(vars));
  job.id = text_of(id);
  if (auto before = text_of(prefix); !before.empty() && !job.id.empty())
    job.id = before + "_" + job.id;
  if (queue_time.is_number())
    if (double s = queue_time; s > 0 && s < queue_time_max) job.queue_time = s;
  if (options.is_object()) {
    job.lock = text_at(options, "lock");
    auto until = text_at(options, "until");
    job.lock_until_started = until == "started";
    job.lock_expires = until == "expired";
    if (auto at = options.find("run_at"); at != options.end() && at->is_number_integer())
      job.run_at_ms = *at;
  }
  return job;
}

bool detail::open_empty_array(json& document, const std::string& where) {
  try {
    auto& value = document.at(json::json_pointer(where));
    if (!value.is_array() || !value.empty()) return false;
    value = json::object();
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

std::chrono::milliseconds job_registry::timeout_of(std::string_view payload) const {
  // The name as it is written: one with escapes has the slow way.
  auto raw = raw_member(payload, "class");
  if (raw.size() < 2) return std::chrono::milliseconds{0};
  std::string name(raw.substr(1, raw.size() - 2));
  if (name.find('\\') != name.npos) {
    auto job = decode_payload(payload);
    name = job ? job->type : std::string{};
  }
  auto* found = find(name);
  return found ? found->options.timeout : std::chrono::milliseconds{0};
}

trace_context trace_of_job(std::string_view payload) {
  // Most have none, and this looks at every job.
  if (payload.find(R"("traceparent")") == payload.npos) return {};
  auto text = raw_member(payload, "traceparent");
  if (text.size() < 2 || text.front() != '"') return {};
  return read_traceparent(text.substr(1, text.size() - 2)).value_or(trace_context{});
}

job_id key_of_job(std::string_view payload) {
  auto job = decode_payload(payload);
  return job && !job->id.empty() ? job->id : sha1_hex(payload);
}

bool valid_queue_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && name[0] != '!' && is_utf8(name) &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) {
           return c <= ' ' || c == 0x7f || c == '*' || c == '?' || c == '[' || c == '{';
         });
}

bool valid_job_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 256 && id != "export" && id != "import" &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
}

std::string no_queue_name(std::string_view name) {
  return "'" + std::string(name) +
         "' is no queue name: use 1 to 128 bytes of UTF-8, no blanks, none of * ? [ {, no ! in "
         "front";
}

namespace {

/// Moves `at` behind the JSON string that begins there.
void skip_string(std::string_view text, std::size_t& at) noexcept {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  ++at;
}

void skip_blanks(std::string_view text, std::size_t& at) noexcept {
  while (at < text.size() && static_cast<unsigned char>(text[at]) <= ' ') ++at;
}

void skip_value(std::string_view text, std::size_t& at) noexcept {
  for (int depth = 0; at < text.size();) {
    auto c = text[at];
    if (c == '"') {
      skip_string(text, at);
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return;
      --depth;
      ++at;
    } else if (depth == 0 && (c == ',' || static_cast<unsigned char>(c) <= ' ')) {
      return;
    } else {
      ++at;
      continue;
    }
    if (depth == 0) return;
  }
}

}  // namespace

std::string_view raw_member(std::string_view object, std::string_view key) noexcept {
  std::size_t at = 0;
  std::string_view found;
  skip_blanks(object, at);
  for (++at; at < object.size();) {
    skip_blanks(object, at);
    if (at >= object.size() || object[at] != '"') return found;
    auto name_begin = at + 1;
    skip_string(object, at);
    if (at > object.size()) return found;
    auto name = object.substr(name_begin, at - 1 - name_begin);
    skip_blanks(object, at);
    ++at;  // the colon
    skip_blanks(object, at);
    auto begin = at;
    skip_value(object, at);
    if (begin >= object.size()) return found;
    if (name == key) found = object.substr(begin, std::min(at, object.size()) - begin);
    skip_blanks(object, at);
    if (at >= object.size() || object[at] != ',') return found;
    ++at;
  }
  return found;
}

std::string string_member(std::string_view object, std::string_view key) {
  auto value = parse_json(raw_member(object, key));
  return value && value->is_string() ? value->get<std::string>() : std::string{};
}

std::size_t nesting_of(std::string_view text) noexcept {
  std::size_t depth = 0, deepest = 0;
  for (std::size_t at = 0; at < text.size();) {
    auto c = text[at];
    if (c == '"') {
      skip_string(text, at);
      continue;
    }
    if (c == '{' || c == '[') deepest = std::max(deepest, ++depth);
    if ((c == '}' || c == ']') && depth > 0) --depth;
    ++at;
  }
  return deepest;
}

std::string sha1_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ::EVP_Digest(text.data(), text.size(), digest.data(), &size, ::EVP_sha1(), nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace sm
