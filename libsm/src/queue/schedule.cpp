#include "queue/schedule.hpp"

#include <sm/service_spec.hpp>

#include "queue/cron.hpp"
#include "queue/payload.hpp"
#include "system/random.hpp"
#include "text/texts.hpp"

namespace sm {

json to_json(const schedule_spec& s) {
  return {{"name", s.name},
          {"cron", s.cron},
          {"timezone", s.timezone},
          {"type", s.type},
          {"argument", s.argument},
          {"queue", s.queue},
          {"missed", s.missed == schedule_spec::missed_times::once ? "once" : "skip"},
          {"overlap", s.overlap},
          {"enabled", s.enabled}};
}

result<schedule_spec> schedule_from_json(const json& document) {
  if (!document.is_object())
    return fail(errc::invalid_spec,
                R"(send an object such as {"name": ..., "cron": ..., "type": ...})");
  schedule_spec s;
  for (auto& field : document.items()) {
    const auto& key = field.key();
    const auto& value = field.value();
    auto where = pointer_to(key);
    auto text = [&](std::string& member) -> result<void> {
      if (!value.is_string()) return fail(errc::invalid_spec, "must be a string", where);
      member = value;
      if (auto fits = check_text(member); !fits)
        return fail(errc::invalid_spec, fits.error().detail, where);
      return {};
    };
    auto flag = [&](bool& member) -> result<void> {
      if (!value.is_boolean()) return fail(errc::invalid_spec, "must be true or false", where);
      member = value;
      return {};
    };
    result<void> ok;
    if (key == "name") {
      ok = text(s.name);
    } else if (key == "cron") {
      ok = text(s.cron);
    } else if (key == "timezone") {
      ok = text(s.timezone);
    } else if (key == "type") {
      ok = text(s.type);
    } else if (key == "argument") {
      s.argument = value;
    } else if (key == "queue") {
      ok = text(s.queue);
    } else if (key == "overlap") {
      ok = flag(s.overlap);
    } else if (key == "enabled") {
      ok = flag(s.enabled);
    } else if (key == "missed") {
      if (value != "skip" && value != "once")
        ok = fail(errc::invalid_spec, R"(must be "skip" or "once")", where);
      else
        s.missed =
            value == "once" ? schedule_spec::missed_times::once : schedule_spec::missed_times::skip;
    } else {
      ok = fail(errc::invalid_spec,
                "unknown field" + instead_of(key, {"name", "cron", "timezone", "type", "argument",
                                                   "queue", "missed", "overlap", "enabled"}),
                where);
    }
    if (!ok) return tl::unexpected<error>(ok.error());
  }
  if (auto ok = validate(s); !ok) return tl::unexpected<error>(ok.error());
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
                      .queue_time = static_cast<double>(now_ms) / 1000};
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
