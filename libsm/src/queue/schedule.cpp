#include "queue/schedule.hpp"

#include <sm/service_spec.hpp>

#include "queue/cron.hpp"
#include "queue/payload.hpp"
#include "schema/queue_fields.hpp"
#include "system/random.hpp"
#include "text/texts.hpp"

namespace sm {

json to_json(const schedule_spec& s) { return to_fields(s); }

result<schedule_spec> schedule_from_json(const json& document) {
  if (!document.is_object())
    return fail(errc::invalid_spec,
                R"(send an object such as {"name": ..., "cron": ..., "type": ...})");
  auto s = from_fields<schedule_spec>(document);
  if (!s) return s;
  if (auto ok = validate(*s); !ok) return tl::unexpected<error>(ok.error());
  return s;
}

result<schedule_spec> schedule_in(const stored_schedule& stored) {
  auto document = parse_json(stored.document);
  if (!document)
    return fail(errc::invalid_spec, "cannot be read: " + document.error().detail, stored.name);
  if (document->is_object()) document->erase("declared_by");
  return schedule_from_json(*document);
}

result<void> validate(const schedule_spec& s) {
  if (auto ok = check_name(s.name); !ok)
    return fail(errc::invalid_spec, ok.error().detail, "/name");
  if (auto ok = check_text(s.type); !ok)
    return fail(errc::invalid_spec, ok.error().detail, "/type");
  if (s.type.empty()) return fail(errc::invalid_spec, "names the type of the job", "/type");
  if (!valid_queue_name(s.queue)) return fail(errc::invalid_spec, no_queue_name(s.queue), "/queue");
  auto line = cron_line::parse(s.cron, s.timezone);
  if (!line) return fail(line.error().code, line.error().detail, "/" + line.error().where);
  return {};
}

schedule_step step(const schedule_spec& s, std::int64_t last_ms, std::int64_t now_ms) {
  auto line = cron_line::parse(s.cron, s.timezone);
  if (!line || !s.enabled) return {};
  auto next_after = [&](std::int64_t ms) {
    auto next = line->next(ms / 1000);
    return next ? *next * 1000 : 0;
  };
  schedule_step out;
  out.set_back = last_ms > now_ms + schedule_ahead.count();
  if (last_ms == 0 || out.set_back) {
    // From now on: the times before it was made were not missed.
    out.note = true;
    out.for_ms = now_ms;
    out.next_ms = next_after(now_ms);
    return out;
  }
  auto due = next_after(last_ms);
  if (due == 0) return out;
  if (due > now_ms) {
    out.next_ms = due;
    return out;
  }
  // The latest time that is over stands for all of them. It is looked for from near to far, so that
  // a line that fires each second takes no longer after a year.
  auto latest = due;
  for (std::int64_t back = 60'000; back < now_ms - due; back *= 60) {
    auto near = next_after(now_ms - back);
    if (near == 0 || near > now_ms) continue;
    latest = near;
    break;
  }
  for (auto next = next_after(latest); next != 0 && next <= now_ms; next = next_after(latest))
    latest = next;
  bool missed = now_ms - latest > schedule_late.count();
  out.note = true;
  out.fire = !missed || s.missed == schedule_spec::missed_times::once;
  out.for_ms = latest;
  out.next_ms = next_after(latest);
  return out;
}

new_job job_of(const schedule_spec& s, std::int64_t now_ms) {
  job_payload payload{.type = s.type,
                      .args = json::array({s.argument}),
                      .id = random_hex(16),
                      .queue_time = static_cast<double>(now_ms) / 1000,
                      .trace = current_trace()};
  if (!s.overlap) payload.lock = "schedule:" + s.name;
  new_job job{.id = payload.id, .queue = s.queue, .payload = encode_payload(payload)};
  if (!s.overlap) {
    job.lock = payload.lock;
    // Freed at the job's end; this is for one that is lost with its store.
    job.lock_for = std::chrono::hours(24 * 30);
  }
  return job;
}

}  // namespace sm
