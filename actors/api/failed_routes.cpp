#include "api/queue_routes.hpp"
#include "http/body_fields.hpp"
#include "queue/job_documents.hpp"
#include "queue/job_operations.hpp"

namespace sm {
namespace {

const char* past_of(dead_action action) {
  return action == dead_action::requeue ? "requeued" : "removed";
}

/// One step of `work` after the other, between which others ask the store; then `done`.
template <class Work>
void go_on(queue_view& jobs, const std::shared_ptr<Work>& work, const promise<json>& answer,
           std::function<result<json>(const Work&)> done) {
  jobs.ask<bool>([work](job_store& store) { return work->step(store); })
      .then([&jobs, work, answer, done](const result<bool>& more) {
        if (!more)
          answer.set_error(more.error());
        else if (*more)
          go_on(jobs, work, answer, done);
        else
          answer.set(done(*work));
      });
}

promise<json> sweep(queue_view& jobs, dead_filter filter, dead_action action) {
  promise<json> answer;
  go_on<dead_sweep>(jobs, std::make_shared<dead_sweep>(std::move(filter), action), answer,
                    [action](const dead_sweep& s) -> result<json> {
                      return json{{past_of(action), s.count()}, {"missing", s.missing()}};
                    });
  return answer;
}

promise<json> act_on_one(queue_view& jobs, const request& rq, dead_action action) {
  std::string id(rq.capture("id"));
  promise<json> answer;
  go_on<dead_sweep>(jobs, std::make_shared<dead_sweep>(dead_filter{.ids = {id}}, action), answer,
                    [id, action](const dead_sweep& s) -> result<json> {
                      if (s.count() == 0)
                        return fail(errc::not_found, "there is no such failed job", id);
                      return json{{past_of(action), s.count()}, {"missing", s.missing()}};
                    });
  return answer;
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
    promise<json> answer;
    go_on<dead_search>(jobs, std::make_shared<dead_search>(std::move(filter), p.offset, p.limit),
                       answer, [p](const dead_search& s) -> result<json> {
                         return page_document("failed", s.found(), p);
                       });
    return answer;
  });
  at.bind("failed.show", [&jobs](request& rq) {
    std::string id(rq.capture("id"));
    promise<json> answer;
    go_on<dead_search>(jobs, std::make_shared<dead_search>(dead_filter{.ids = {id}}, 0, 1), answer,
                       [id](const dead_search& s) -> result<json> {
                         if (s.found().jobs.empty())
                           return fail(errc::not_found, "there is no such failed job", id);
                         return to_document(s.found().jobs.front());
                       });
    return answer;
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
