// Queues and schedules.
#include <chrono>

#include "text/units.hpp"
#include "verbs.hpp"
#include "verbs_of_one_call.hpp"
#include "views.hpp"

namespace sm::ctl {
namespace {

table schedules_now(const json& list) {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return schedules_table(list, std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

result<int> limit_queue(session& s) {
  auto& name = s.given.operands.front();
  json body = json::object();
  for (auto* number : {"concurrency", "rate"})
    if (s.given.has(number)) body[number] = s.given.number(number, 0);
  if (s.given.has("period")) body["period"] = format_duration(s.given.duration("period", {}));
  if (body.empty())
    return fail(errc::bad_arguments, "say which: --concurrency, --rate or --period");
  if (s.dry_run()) {
    s.show(body);
    return exits::ok;
  }
  auto answer = s.ask(request_for("queues.change", {{"queue", name}}, {}, print_json(body)));
  // A queue that nobody made or used yet is made.
  if (!answer && answer.error().code == errc::not_found)
    answer = s.ask(request_for("queues.put", {{"queue", name}}, {}, print_json(body)));
  if (!answer) return tl::unexpected<error>(answer.error());
  if (s.as_json())
    s.show(*answer);
  else
    s.tell(name + ": limited");
  return exits::ok;
}

}  // namespace

void add_queue_verbs(handlers& to) {
  to["queue ls"] = listing("queues.list", "queues", queues_table);
  to["queue show"] = shown("queues.show", "queue");
  to["queue pause"] = one_call("queues.pause", {"queue"}, "paused");
  to["queue resume"] = one_call("queues.resume", {"queue"}, "resumed");
  to["queue limit"] = limit_queue;
  to["queue remove"] =
      one_call("queues.remove", {"queue"}, "removed", "Delete with all jobs that wait the queue");
  to["schedule ls"] = listing("schedules.list", "schedules", schedules_now);
  to["schedule show"] = shown("schedules.show", "name");
  to["schedule run"] = one_call("schedules.run", {"name"}, "its job is stored");
  to["schedule remove"] = one_call("schedules.remove", {"name"}, "removed", "Remove the schedule");
  to["queue job"] = shown("jobs.show", "id");
  to["queue cancel"] = one_call("jobs.cancel", {"id"}, "cancelled");
}

}  // namespace sm::ctl
