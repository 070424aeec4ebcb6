// What the body of a request asks of the queue.
#pragma once

#include <sm/job.hpp>
#include <string>
#include <vector>

namespace sm {

/// {"type": ..., "argument": ...} with the options of `enqueue_options`, or with "arguments" for
/// many jobs at once.
struct job_request {
  std::string type{};
  std::vector<json> arguments{};
  bool many = false;
  enqueue_options options{};
};

/// Jobs of one request.
inline constexpr std::size_t job_batch_max = 10'000;

/// `queue` is the path's, or "". Throws `failure` with the field at fault.
job_request read_job_request(const json& body, const std::string& queue);

/// The limits of a queue, where the body does not say otherwise as they are. Throws likewise.
queue_limits read_limits(const json& body, const queue_limits& present);

}  // namespace sm
