#include "queue/job_store.hpp"

#include "queue/payload.hpp"
#include "queue/redis/redis_job_store.hpp"
#include "queue/sqlite/sqlite_job_store.hpp"
#include "store/sqlite.hpp"

namespace sm {

std::string_view to_string(job_state state) noexcept {
  switch (state) {
    case job_state::ready:
      return "ready";
    case job_state::running:
      return "running";
    case job_state::delayed:
      return "delayed";
    case job_state::dead:
      break;
  }
  return "dead";
}

bool dead_filter::fits(const job_view& dead) const {
  if (!queue.empty() && dead.queue != queue) return false;
  if (!text.empty() && dead.error.find(text) == text.npos && dead.exception.find(text) == text.npos)
    return false;
  if (!ids.empty() && !ids.contains(dead.id)) return false;
  if (type.empty()) return true;
  // The class as it is written rules most out; one with escapes must be read.
  auto written = raw_member(dead.payload, "class");
  if (written.find('\\') == written.npos &&
      (written.size() < 2 || written.substr(1, written.size() - 2) != type))
    return false;
  auto job = decode_payload(dead.payload);
  return job && job->type == type;
}

result<void> check_queue_url(const std::string& url) {
  if (is_redis_url(url)) {
    auto parsed = parse_redis_url(url);
    if (!parsed) return tl::unexpected<error>(parsed.error());
    return {};
  }
  if (!sqlite_path(url).empty()) return {};
  return fail(errc::invalid_spec,
              "'" + without_password(url) + "' is no queue: write sqlite:PATH or redis://HOST",
              "queue.url");
}

result<std::unique_ptr<job_store>> open_job_store(const std::string& url,
                                                  const queue_config& config) {
  if (is_redis_url(url)) {
    auto parsed = parse_redis_url(url);
    if (!parsed) return tl::unexpected<error>(parsed.error());
    return make_redis_job_store(std::move(*parsed), config);
  }
  if (auto ok = check_queue_url(url); !ok) return tl::unexpected<error>(ok.error());
  auto path = sqlite_path(url);
  return guard_sqlite(path, [&] { return open_sqlite_job_store(path, config); });
}

}  // namespace sm
