// Bodies of POST /v1/jobs and PUT /v1/queues/{queue}, and lines of an import.
#include "queue/job_request.hpp"
#include "queue/transfer.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(job_request) {
  if (auto line = sm::import_line(input)) (void)sm::export_line(*line);
  (void)sm::from_base64(std::string(input));
  auto body = sm::parse_json(input);
  if (!body) return;
  for (auto* queue : {"", "default"}) try {
      (void)sm::read_job_request(*body, queue);
    } catch (const sm::failure&) {
    }
  try {
    (void)sm::read_limits(*body, {});
  } catch (const sm::failure&) {
  }
}
