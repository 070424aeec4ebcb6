#include "queue/transfer.hpp"

#include <openssl/evp.h>

#include "http/body_fields.hpp"
#include "queue/payload.hpp"

namespace sm {

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3), '\0');
  ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                    reinterpret_cast<const unsigned char*>(bytes.data()),
                    static_cast<int>(bytes.size()));
  return text;
}

std::optional<std::string> from_base64(const std::string& text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  int size = ::EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()));
  if (size < 0) return {};
  for (auto at = text.rbegin(); at != text.rend() && *at == '='; ++at) --size;
  bytes.resize(static_cast<std::size_t>(std::max(size, 0)));
  return bytes;
}

std::string export_line(const job_view& job) {
  json line{{"queue", job.queue}, {"state", std::string(to_string(job.state))}};
  // A string of the JSON library that is no UTF-8 would be mended on its way.
  json text = job.payload;
  bool is_text = true;
  try {
    (void)text.dump();
  } catch (const json::exception&) {
    is_text = false;
  }
  if (is_text)
    line["payload"] = job.payload;
  else
    line["payload64"] = to_base64(job.payload);
  if (job.run_at_ms > 0) line["run_at_ms"] = job.run_at_ms;
  if (job.failures > 0) line["failures"] = job.failures;
  if (job.crashes > 0) line["crashes"] = job.crashes;
  if (job.state == job_state::dead) {
    line["exception"] = job.exception;
    line["error"] = job.error;
    line["worker"] = job.worker;
    line["failed_at_ms"] = job.failed_at_ms;
  }
  return print_json(line);
}

result<job_view> import_line(std::string_view text) {
  auto document = parse_json(text);
  if (!document) return fail(errc::bad_arguments, document.error().detail);
  if (!document->is_object()) return fail(errc::bad_arguments, "is no JSON object");
  auto& d = *document;
  job_view job;
  try {
    job.queue = d.at("queue");
    if (!valid_queue_name(job.queue))
      return fail(errc::bad_arguments, no_queue_name(job.queue), "/queue");
    auto state = d.value("state", "ready");
    if (state == "delayed")
      job.state = job_state::delayed;
    else if (state == "dead")
      job.state = job_state::dead;
    else if (state != "ready")
      return fail(errc::bad_arguments, R"(must be "ready", "delayed" or "dead")", "/state");
    if (d.contains("payload64")) {
      auto bytes = from_base64(d.at("payload64"));
      if (!bytes) return fail(errc::bad_arguments, "is no base64", "/payload64");
      job.payload = std::move(*bytes);
    } else {
      job.payload = d.at("payload");
    }
    job.run_at_ms = field(d, "run_at_ms", std::int64_t{0});
    job.failures = field(d, "failures", 0U);
    job.crashes = field(d, "crashes", 0U);
    job.exception = d.value("exception", "");
    job.error = d.value("error", "");
    job.worker = d.value("worker", "");
    job.failed_at_ms = field(d, "failed_at_ms", std::int64_t{0});
  } catch (const failure& e) {
    return tl::unexpected<error>(e.reason());
  } catch (const json::exception& e) {
    return tl::unexpected<error>(conversion_error(e));
  }
  job.id = key_of_job(job.payload);
  return job;
}

}  // namespace sm
