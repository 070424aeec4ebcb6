#include "queue/job_request.hpp"

#include "api/operations.hpp"
#include "http/body_fields.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

enqueue_options options_of(const json& body, const std::string& queue) {
  enqueue_options o;
  o.queue = queue.empty() ? field(body, "queue", o.queue) : queue;
  o.id = field(body, "id", std::string{});
  o.delay = duration_field(body, "delay", {});
  if (auto at = field(body, "run_at_ms", std::int64_t{0}); at != 0)
    o.run_at = std::chrono::system_clock::time_point(milliseconds(at));
  o.track = field(body, "track", true);
  if (auto unique = body.find("unique"); unique != body.end()) {
    const std::string where = "/unique";
    refuse_unknown(*unique, {"key", "until", "for"}, where);
    o.unique.key = field(*unique, "key", std::string{}, where);
    if (o.unique.key.empty())
      throw failure(errc::bad_arguments, "must be a string that is not empty", "/unique/key");
    auto until = field(*unique, "until", std::string("done"), where);
    if (until != "done" && until != "started" && until != "expired")
      throw failure(errc::bad_arguments, R"(must be "done", "started" or "expired")",
                    "/unique/until");
    o.unique.held_until = until == "started"   ? uniqueness::until::started
                          : until == "expired" ? uniqueness::until::expired
                                               : uniqueness::until::done;
    o.unique.for_at_most = duration_field(*unique, "for", o.unique.for_at_most, where);
  }
  return o;
}

}  // namespace

job_request read_job_request(const json& body, const std::string& queue) {
  refuse_unknown(body, body_names(operation_called("jobs.enqueue")));
  job_request rq{.type = field(body, "type", std::string{})};
  if (!queue.empty() && field(body, "queue", queue) != queue)
    throw failure(errc::bad_arguments, "the path names another queue", "/queue");
  rq.options = options_of(body, queue);
  auto list = body.find("arguments");
  rq.many = list != body.end();
  if (!rq.many) {
    rq.arguments.push_back(body.value("argument", json()));
    return rq;
  }
  if (body.contains("argument"))
    throw failure(errc::bad_arguments, "send one argument or many", "/argument");
  if (!list->is_array() || list->empty() || list->size() > job_batch_max)
    throw failure(errc::bad_arguments,
                  "must be a list of 1 to " + std::to_string(job_batch_max) + " arguments",
                  "/arguments");
  rq.arguments = list->get<std::vector<json>>();
  rq.options.track = field(body, "track", false);
  return rq;
}

queue_limits read_limits(const json& body, const queue_limits& present) {
  refuse_unknown(body, body_names(operation_called("queues.put")));
  queue_limits limits{.concurrency = field(body, "concurrency", present.concurrency),
                      .rate = field(body, "rate", present.rate),
                      .period = duration_field(body, "period", present.period)};
  if (limits.period.count() < 1) throw failure(errc::bad_arguments, "must be over 0", "/period");
  return limits;
}

}  // namespace sm
