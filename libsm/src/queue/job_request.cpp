#include "queue/job_request.hpp"

#include "schema/queue_fields.hpp"

namespace sm {
namespace {

using std::chrono::milliseconds;

[[noreturn]] void refuse(std::string why, std::string where) {
  throw failure(errc::bad_arguments, std::move(why), std::move(where));
}

template <class T>
T read_body(const json& body, T base) {
  auto read = from_fields(body, std::move(base));
  if (!read) refuse(std::move(read.error().detail), std::move(read.error().where));
  return std::move(*read);
}

}  // namespace

job_request read_job_request(const json& body, const std::string& queue) {
  bool many = body.is_object() && body.contains("arguments");
  job_body base{.track = !many};
  if (!queue.empty()) base.queue = queue;
  auto given = read_body(body, std::move(base));
  if (!queue.empty() && given.queue != queue) refuse("the path names another queue", "/queue");
  if (body.contains("unique") && given.unique.key.empty())
    refuse("must be a string that is not empty", "/unique/key");
  job_request rq{.type = std::move(given.type), .many = many};
  rq.options = {.queue = std::move(given.queue),
                .id = std::move(given.id),
                .delay = given.delay,
                .unique = std::move(given.unique),
                .track = given.track};
  if (given.run_at_ms != 0)
    rq.options.run_at = std::chrono::system_clock::time_point(milliseconds(given.run_at_ms));
  if (!many) {
    rq.arguments.push_back(std::move(given.argument));
    return rq;
  }
  if (body.contains("argument")) refuse("send one argument or many", "/argument");
  if (given.arguments.empty() || given.arguments.size() > job_batch_max)
    refuse("must be a list of 1 to " + std::to_string(job_batch_max) + " arguments", "/arguments");
  rq.arguments = std::move(given.arguments);
  return rq;
}

queue_limits read_limits(const json& body, const queue_limits& present) {
  return read_body(body, present);
}

}  // namespace sm
