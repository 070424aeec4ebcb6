// An element of Resque's list `failed`, as its web page reads it: the payload stands in it as an
// object, with the job's own bytes where they are valid JSON.
#pragma once

#include <string>

#include "queue/job_store.hpp"

namespace sm {

struct failure_record {
  std::string failed_at{};  ///< ISO 8601, UTC
  std::string payload{};    ///< the job's bytes
  std::string exception{}, error{}, worker{}, queue{};
};

std::string encode_failure(const failure_record& f);

/// Reads a record of ours, Ruby's or PHP's; what is no record has an empty queue.
failure_record decode_failure(const std::string& text);

job_view to_view(const failure_record& f);

/// "2026-11-25T16:20:00Z", as Ruby's Resque writes `run_at`.
std::string resque_time(std::int64_t unix_ms);

/// Milliseconds of an ISO 8601 time in UTC, also with fractions or "+00:00"; 0 for anything else.
std::int64_t parse_resque_time(const std::string& text);

}  // namespace sm
