// Status documents of tracked jobs, and the tallies that consumers send.
#include "queue/job_status.hpp"
#include "queue/job_documents.hpp"
#include "queue/job_tallies.hpp"
#include "text/texts.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(job_status) {
  using sm::fuzz::must;
  std::string text(input);
  auto s = sm::decode_status(text);
  must(sm::parse_json(sm::encode_status(s)).has_value(), "a status is JSON");
  (void)sm::has_ended(s);
  must(sm::parse_json(sm::running_status({.status = text}, 0.5, text)).has_value(),
       "and so is one of a job that runs");
  sm::json document{{"id", "x"}};
  sm::add_status(document, text);
  (void)sm::print_json(document);
  must(sm::shortened(text, 16).size() <= 16 + sizeof "... (shortened)",
       "what is shortened is short");
  if (auto tallies = sm::job_tallies::decode(text)) {
    sm::metric_page page;
    tallies->write(page);
    (void)tallies->sum();
    must(sm::job_tallies::decode(tallies->encode()).has_value(),
         "tallies are read as they are written");
  }
}
