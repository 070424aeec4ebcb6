#include "http/body_fields.hpp"
#include "queue/job_documents.hpp"
#include "queue/job_operations.hpp"
#include "queue_routes.hpp"

namespace sm {
namespace {

const char* past_of(dead_action action) {
  return action == dead_action::requeue ? "requeued" : "removed";
}

/// One step after the other, between which others ask the store.
void go_on(queue_view& jobs, const std::shared_ptr<dead_sweep>& sweep, dead_action action,
           const promise<json>& answer) {
  jobs.ask<bool>([sweep](job_store& store) { return sweep->step(store); })
      .then([&jobs, sweep, action, answer](const result<bool>& more) {
        if (!more)
          answer.set_error(more.error());
        else if (*more)
          go_on(jobs, sweep, action, answer);
        else
          answer.set_value({{past_of(action), sweep->count()}, {"missing", json::array()}});
      });
}

promise<json> act_on_one(queue_view& jobs, const request& rq, dead_action action) {
  return jobs.ask<json>(
      [id = std::string(rq.capture("id")), action](job_store& store) -> result<json> {
        auto done = act_on_dead(store, std::vector{id}, action);
        if (!done) return tl::unexpected<error>(done.error());
        if (done->count == 0) return fail(errc::not_found, "there is no such failed job", id);
        return json{{past_of(action), done->count}, {"missing", done->missing}};
      });
}

/// {"ids": [...]}, {"all": true}, or those that fit {"queue", "type", "text"}.
promise<json> act_on_many(queue_view& jobs, const request& rq, dead_action action) {
  auto body = fields_of(rq, "failed.remove");
  auto ids = field(body, "ids", std::vector<std::string>{});
  bool all = field(body, "all", false);
  dead_filter filter{.queue = field(body, "queue", std::string{}),
                     .type = field(body, "type", std::string{}),
                     .text = field(body, "text", std::string{})};
  bool some = !filter.queue.empty() || !filter.type.empty() || !filter.text.empty();
  if (int{body.contains("ids")} + int{all} + int{some} != 1)
    throw failure(errc::bad_arguments,
                  R"(send {"ids": [...]}, {"all": true}, or some of "queue", "type" and "text")");
  if (body.contains("ids"))
    return jobs.ask<json>([ids, action](job_store& store) -> result<json> {
      auto done = act_on_dead(store, ids, action);
      if (!done) return tl::unexpected<error>(done.error());
      return json{{past_of(action), done->count}, {"missing", done->missing}};
    });
  promise<json> answer;
  go_on(jobs, std::make_shared<dead_sweep>(std::move(filter), action), action, answer);
  return answer;
}

}  // namespace

void add_failed_routes(route_adder& at, queue_view& jobs) {
  at.bind("failed.list", [&jobs](request& rq) {
    dead_filter filter{.queue = rq.query("queue").value_or(""),
                       .type = rq.query("type").value_or(""),
                       .text = rq.query("text").value_or("")};
    return jobs.ask<json>([filter, p = page_of(rq)](job_store& store) -> result<json> {
      auto list = dead_jobs(store, filter, p.offset, p.limit);
      if (!list) return tl::unexpected<error>(list.error());
      return page_document("failed", *list, p);
    });
  });
  at.bind("failed.show", [&jobs](request& rq) {
    return jobs.ask<json>([id = std::string(rq.capture("id"))](job_store& store) -> result<json> {
      auto found = store.find_dead(id);
      if (!found) return tl::unexpected<error>(found.error());
      if (!*found) return fail(errc::not_found, "there is no such failed job", id);
      return to_document(**found);
    });
  });
  for (auto action : {dead_action::requeue, dead_action::remove}) {
    auto one = [&jobs, action](request& rq) { return act_on_one(jobs, rq, action); };
    auto many = [&jobs, action](request& rq) { return act_on_many(jobs, rq, action); };
    if (action == dead_action::requeue) {
      at.bind("failed.requeue_one", one);
      at.bind("failed.requeue", many);
    } else {
      at.bind("failed.remove_one", one);
      at.bind("failed.remove", many);
    }
  }
}

}  // namespace sm
