// What processes tell of their figures, what callers say of their trace, what a collector answers.
#include "telemetry/otlp_client.hpp"
#include "telemetry/own_metrics.hpp"

#include "fuzz.hpp"

SM_FUZZ_TARGET(telemetry) {
  using sm::fuzz::must;
  const std::string text(input);
  if (auto trace = sm::read_traceparent(text)) {
    must(sm::read_traceparent(trace->traceparent()) == trace, "a trace is read as it is written");
    must(trace->trace_id().size() == 32, "its id has 32 digits");
  }
  if (auto families = sm::decode_families(text)) {
    auto again = sm::decode_families(sm::encode(*families));
    must(again && sm::encode(*again) == sm::encode(*families),
         "figures are read as they are written");
    sm::metric_page page;
    const std::vector<sm::own_report> reports{
        {"a", "a:0", std::make_shared<const sm::own_families>(*families)},
        {"a", "a:1", std::make_shared<const sm::own_families>(std::move(*families))}};
    sm::write_own_metrics(page, reports);
    must(sm::is_utf8(page.text()), "a page is UTF-8");
  }
  for (unsigned status : {200U, 400U, 503U})
    must(sm::outcome_of_otlp(status, text).why.size() < 2048, "what it says is bounded");
  if (auto to = sm::read_otlp_endpoint(text)) must(!to->path.empty(), "an endpoint has a path");
}
