// An element of Resque's list `failed`, as its web page reads it: the payload stands in it as an
// object, with the job's own bytes where they are valid JSON.
#pragma once

#include <string>

#include "queue/job_store.hpp"
#include "queue/resque_time.hpp"

namespace sm {

struct failure_record {
  std::string failed_at{};  ///< ISO 8601, UTC
  std::string payload{};    ///< the job's bytes
  std::string exception{}, error{}, worker{}, queue{};
  std::string retried_at{};  ///< when Ruby's Resque requeued it, as it wrote it
  bool has_payload = true;   ///< false: `payload` is not known
};

std::string encode_failure(const failure_record& f);

/// Reads a record of ours, Ruby's or PHP's; what is no record has an empty queue.
failure_record decode_failure(const std::string& text);

/// False when no record with this text can be one of a job that fits: much is ruled out without
/// reading the document.
bool may_fit(std::string_view record, const dead_filter& filter) noexcept;

job_view to_view(const failure_record& f);

}  // namespace sm
