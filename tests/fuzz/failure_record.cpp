// Records of failed jobs; the input is a record, and then the bytes of a job that failed.
#include "queue/failure_record.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(failure_record) {
  using sm::fuzz::must;
  std::string text(input);
  auto record = sm::decode_failure(text);
  (void)sm::to_view(record);
  (void)sm::parse_resque_time(text);
  (void)sm::decode_failure(sm::encode_failure(record));

  sm::failure_record made{.failed_at = "2026-01-31T12:00:00Z",
                          .payload = text,
                          .exception = text,
                          .error = text,
                          .worker = "host:1:default",
                          .queue = "default"};
  auto encoded = sm::encode_failure(made);
  must(sm::parse_json(encoded).has_value(), "a record is JSON");
  auto read = sm::decode_failure(encoded);
  must(read.queue == "default", "a record can be read");
  must(read.payload == text, "with the job's bytes");
}
