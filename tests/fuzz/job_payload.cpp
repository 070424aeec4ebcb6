// Jobs in a queue, as other tools of Resque's world write them.
#include "queue/failure_record.hpp"
#include "queue/job_documents.hpp"
#include "queue/payload.hpp"
#include "queue/redis/plugin_form.hpp"
#include "queue/transfer.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(job_payload) {
  using sm::fuzz::must;
  std::string text(input);
  must(!sm::key_of_job(text).empty(), "every job has a key");
  (void)sm::is_foreign_with_id(text);
  (void)sm::job_registry().timeout_of(text);
  (void)sm::valid_queue_name(text);
  (void)sm::valid_job_id(text);
  if (auto job = sm::decode_payload(text)) {
    auto again = sm::decode_payload(sm::encode_payload(*job));
    must(again.has_value(), "what is encoded can be decoded");
    must(again->id == job->id || !sm::is_utf8(job->id), "with its id");
  }
  if (auto plugin = sm::from_plugin_form(text)) (void)sm::plugin_form(plugin->bytes, plugin->queue);
  (void)sm::plugin_form(text, "default");

  sm::job_view view{.id = sm::key_of_job(text), .queue = "default", .payload = text};
  for (auto state : {sm::job_state::ready, sm::job_state::running, sm::job_state::delayed,
                     sm::job_state::dead}) {
    view.state = state;
    must(sm::parse_json(sm::print_json(sm::to_document(view))).has_value(),
         "what is shown is JSON");
  }
  // What dies is kept byte for byte, whatever it is.
  view.state = sm::job_state::dead;
  auto line = sm::import_line(sm::export_line(view));
  must(line.has_value() && line->payload == text, "an export holds the job's bytes");
}
