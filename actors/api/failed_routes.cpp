#include "api/queue_routes.hpp"
#include "http/body_fields.hpp"
#include "queue/job_documents.hpp"
#include "queue/job_operations.hpp"

namespace sm {
namespace {

const char* past_of(dead_action action) {
  return action == dead_action::requeue ? "requeued" : "removed";
}

promise<json> sweep(queue_view& jobs, dead_filter filter, dead_action action) {
  return in_steps(jobs, std::make_shared<dead_sweep>(std::move(filter), action),
                  [action](const dead_sweep& s) {
                    return json{{past_of(action), s.count()}, {"missing", s.missing()}};
                  });
}

promise<json> act_on_one(queue_view& jobs, const request& rq, dead_action action) {
  std::string id(rq.capture("id"));
  return in_steps(jobs, std::make_shared<dead_sweep>(dead_filter{.ids = {id}}, action),
                  [id, action](const dead_sweep& s) -> result<json> {
                    if (s.count() == 0)
                      return fail(errc::not_found, "there is no such failed job", id);
                    return json{{past_of(action), s.count()}, {"missing", s.missing()}};
                  });
}

promise<json> answered(json document) {
  promise<json> answer;
  answer.set_value(std::move(document));
  return answer;
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
  if (body.contains("ids")) {
    if (ids.empty()) return answered({{past_of(action), 0}, {"missing", json::array()}});
    filter.ids.insert(ids.begin(), ids.end());
  }
  return sweep(jobs, std::move(filter), action);
}

}  // namespace

void add_failed_routes(route_adder& at, queue_view& jobs) {
  at.bind("failed.list", [&jobs](request& rq) {
    dead_filter filter{.queue = rq.query("queue").value_or(""),
                       .type = rq.query("type").value_or(""),
                       .text = rq.query("text").value_or("")};
    auto p = page_of(rq);
    return in_steps(jobs, std::make_shared<dead_search>(std::move(filter), p.offset, p.limit),
                    [p](const dead_search& s) { return page_document("failed", s.found(), p); });
  });
  at.bind("failed.show", [&jobs](request& rq) {
    std::string id(rq.capture("id"));
    return in_steps(jobs, std::make_shared<dead_search>(dead_filter{.ids = {id}}, 0, 1),
                    [id](const dead_search& s) -> result<json> {
                      if (s.found().jobs.empty())
                        return fail(errc::not_found, "there is no such failed job", id);
                      return to_document(s.found().jobs.front());
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
