#include "api/queue_routes.hpp"
#include "queue/job_documents.hpp"
#include "queue/schedule.hpp"
#include "queue/unix_time.hpp"

namespace sm {
namespace {

constexpr std::chrono::milliseconds run_patience{5'000};

result<std::optional<stored_schedule>> find_schedule(job_store& store, const std::string& name) {
  auto all = store.schedules();
  if (!all) return tl::unexpected<error>(all.error());
  for (auto& s : *all)
    if (s.name == name) return s;
  return std::nullopt;
}

result<stored_schedule> schedule_called(job_store& store, const std::string& name) {
  auto found = find_schedule(store, name);
  if (!found) return tl::unexpected<error>(found.error());
  if (!*found) return fail(errc::not_found, "there is no such schedule", name);
  return std::move(**found);
}

/// With the times of `present` it goes on where that was; with others it begins now.
result<json> store_schedule(job_store& store, const schedule_spec& spec,
                            const std::optional<stored_schedule>& present) {
  stored_schedule s{spec.name, print_json(to_json(spec)), 0};
  bool same_times = false;
  if (present)
    if (auto before = schedule_in(*present))
      same_times = before->cron == spec.cron && before->timezone == spec.timezone;
  if (auto ok = store.put_schedule(s, same_times); !ok) return tl::unexpected<error>(ok.error());
  if (same_times) s.last_ms = present->last_ms;
  return to_document(s, unix_ms());
}

}  // namespace

void add_schedule_routes(route_adder& at, queue_view& jobs,
                         const std::function<bool()>& has_clock) {
  at.bind("schedules.list", [&jobs](request&) {
    return jobs.ask<json>([](job_store& store) -> result<json> {
      auto all = store.schedules();
      if (!all) return tl::unexpected<error>(all.error());
      json list = json::array();
      for (auto& s : *all) list.push_back(to_document(s, unix_ms()));
      return json{{"schedules", std::move(list)}};
    });
  });
  at.bind("schedules.add", [&jobs, has_clock](request& rq) {
    need_clock(has_clock);
    auto created = jobs.ask<json>([document = object_of(rq)](job_store& store) -> result<json> {
      auto spec = schedule_from_json(document);
      if (!spec) return tl::unexpected<error>(spec.error());
      auto present = find_schedule(store, spec->name);
      if (!present) return tl::unexpected<error>(present.error());
      if (*present)
        return fail(errc::conflict, "there is a schedule of that name; PUT replaces it",
                    spec->name);
      return store_schedule(store, *spec, {});
    });
    return created.transform([](const json& document) {
      auto r = with_status(201, document);
      r.headers.emplace_back("Location", "/v1/schedules/" + document.at("name").get<std::string>());
      return r;
    });
  });
  at.bind("schedules.put", [&jobs, has_clock](request& rq) {
    need_clock(has_clock);
    auto document = object_of(rq);
    std::string name(rq.capture("name"));
    if (!document.contains("name")) document["name"] = name;
    return jobs.ask<json>([document, name](job_store& store) -> result<json> {
      auto spec = schedule_from_json(document);
      if (!spec) return tl::unexpected<error>(spec.error());
      if (spec->name != name)
        return fail(errc::bad_arguments, "the path names another schedule", "/name");
      auto present = find_schedule(store, name);
      if (!present) return tl::unexpected<error>(present.error());
      return store_schedule(store, *spec, *present);
    });
  });
  at.bind("schedules.show", [&jobs](request& rq) {
    return jobs.ask<json>(
        [name = std::string(rq.capture("name"))](job_store& store) -> result<json> {
          auto s = schedule_called(store, name);
          if (!s) return tl::unexpected<error>(s.error());
          return to_document(*s, unix_ms());
        });
  });
  at.bind("schedules.remove", [&jobs](request& rq) {
    return jobs.ask<json>(
        [name = std::string(rq.capture("name"))](job_store& store) -> result<json> {
          auto removed = store.remove_schedule(name);
          if (!removed) return tl::unexpected<error>(removed.error());
          if (!*removed) return fail(errc::not_found, "there is no such schedule", name);
          return json{{"removed", name}};
        });
  });
  // At once, beside its times.
  at.bind("schedules.run", [&jobs](request& rq) {
    return jobs.ask<json>(
        [name = std::string(rq.capture("name"))](job_store& store) -> result<json> {
          auto s = schedule_called(store, name);
          if (!s) return tl::unexpected<error>(s.error());
          auto spec = schedule_in(*s);
          if (!spec) return tl::unexpected<error>(spec.error());
          std::vector<new_job> one{job_of(*spec, unix_ms())};
          auto stored = store.enqueue(one, run_patience);
          if (!stored) return tl::unexpected<error>(stored.error());
          if (!stored->empty())
            return fail(errc::conflict, "its earlier job still waits or runs", stored->front().id);
          return json{{"id", one.front().id}};
        });
  });
}

}  // namespace sm
