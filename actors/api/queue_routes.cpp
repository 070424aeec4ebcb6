#include "api/queue_routes.hpp"

#include "queue/job_documents.hpp"
#include "queue/job_request.hpp"
#include "queue/payload.hpp"

namespace sm {
namespace {

constexpr std::size_t page_default = 100;

/// `not_found` when there is no such queue: a misspelt one must not be taken for paused.
result<queue_counts> counts_of(job_store& store, const std::string& name) {
  auto counts = store.counts();
  if (!counts) return tl::unexpected<error>(counts.error());
  for (auto& c : *counts)
    if (c.queue == name) return c;
  return fail(errc::not_found, "there is no such queue", name);
}

result<json> show(job_store& store, const std::string& name) {
  auto counts = counts_of(store, name);
  if (!counts) return tl::unexpected<error>(counts.error());
  return to_document(*counts);
}

result<json> change_limits(job_store& store, const std::string& name, const json& body,
                           const queue_limits& present) {
  queue_limits limits;
  try {
    limits = read_limits(body, present);
  } catch (const failure& e) {
    return tl::unexpected<error>(e.reason());
  }
  if (auto ok = store.put_limits(name, limits); !ok) return tl::unexpected<error>(ok.error());
  return show(store, name);
}

}  // namespace

void need_clock(const std::function<bool()>& has_clock) {
  if (!has_clock())
    throw failure(
        errc::conflict,
        "this program has no queue.clock, so nothing would ever be due: its configuration "
        "needs a section [queue]");
}

page page_of(const request& rq) {
  return {number_of(rq, "offset", 0), number_of(rq, "limit", page_default)};
}

json page_document(const char* name, const job_page& found, const page& p) {
  json all = json::array();
  for (auto& v : found.jobs) all.push_back(to_document(v));
  json next = nullptr;
  if (found.more) next = p.offset + found.jobs.size();
  return {{name, std::move(all)}, {"next", next}};
}

std::string queue_of(const request& rq) {
  std::string name(rq.capture("queue"));
  if (!valid_queue_name(name)) throw failure(errc::bad_arguments, no_queue_name(name), "queue");
  return name;
}

void add_queue_routes(route_adder& at, queue_view& jobs, queue_view& searches) {
  at.bind("queues.list", [&jobs](request&) {
    return jobs.ask<json>([](job_store& store) -> result<json> {
      auto counts = store.counts();
      if (!counts) return tl::unexpected<error>(counts.error());
      auto totals = store.totals();
      if (!totals) return tl::unexpected<error>(totals.error());
      json list = json::array();
      for (auto& c : *counts) list.push_back(to_document(c));
      return json{{"queues", std::move(list)},
                  {"processed", totals->processed},
                  {"failed", totals->failed},
                  {"dead", totals->dead},
                  {"paused", totals->paused}};
    });
  });
  at.bind("queues.show", [&jobs](request& rq) {
    return jobs.ask<json>([name = queue_of(rq)](job_store& store) { return show(store, name); });
  });
  at.bind("queues.put", [&jobs](request& rq) {
    return jobs.ask<json>([name = queue_of(rq), body = object_of(rq)](job_store& store) {
      return change_limits(store, name, body, {});
    });
  });
  at.bind("queues.change", [&jobs](request& rq) {
    return jobs.ask<json>(
        [name = queue_of(rq), body = object_of(rq)](job_store& store) -> result<json> {
          auto present = counts_of(store, name);
          if (!present) return tl::unexpected<error>(present.error());
          return change_limits(store, name, body, present->limits);
        });
  });
  at.bind("queues.remove", [&searches](request& rq) {
    return searches.ask<json>([name = queue_of(rq)](job_store& store) -> result<json> {
      if (auto present = counts_of(store, name); !present)
        return tl::unexpected<error>(present.error());
      auto removed = store.remove_queue(name);
      if (!removed) return tl::unexpected<error>(removed.error());
      return json{{"removed", *removed}};
    });
  });
  for (bool paused : {true, false})
    at.bind(paused ? "queues.pause" : "queues.resume", [&jobs, paused](request& rq) {
      // "*" is all.
      auto name = rq.capture("queue") == "*" ? std::string{} : queue_of(rq);
      return jobs.ask<json>([name, paused](job_store& store) -> result<json> {
        if (!name.empty())
          if (auto present = counts_of(store, name); !present)
            return tl::unexpected<error>(present.error());
        if (auto ok = store.pause(name, paused); !ok) return tl::unexpected<error>(ok.error());
        return json{{"queue", name.empty() ? "*" : name}, {"paused", paused}};
      });
    });
}

}  // namespace sm
