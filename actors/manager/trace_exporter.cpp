#include "manager/trace_exporter.hpp"

#include <algorithm>

namespace sm {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::size_t together = 512;  // spans of one document
constexpr milliseconds longest_wait = 1s;
constexpr milliseconds send_patience = 10s;
constexpr milliseconds last_patience = 1s;
constexpr milliseconds retry_pause_min = 1s;
constexpr milliseconds retry_pause_max = 60s;
constexpr unsigned tries_max = 8;  // some two minutes

}  // namespace

double sampling_of(const trace_config& config) {
  return config.endpoint.empty() ? 0 : config.sample;
}

trace_exporter::trace_exporter(loop& l, const trace_config& config, const std::string& program,
                               logger log)
    : loop_(l), log_(std::move(log)), waiting_(program), timer_(l.context()) {
  set_trace_sampling(sampling_of(config));
  if (config.endpoint.empty()) return;
  auto to = read_otlp_endpoint(config.endpoint);
  if (!to) return;  // which the start has refused
  to_ = std::move(*to);
  const span_source own{"manager", "manager"};
  record_spans_with([this, own](const span& recorded) {
    loop_.dispatch([this, own, text = encode_span(recorded)] { add(own, text); });
  });
}

void trace_exporter::add(span_source from, std::string encoded) {
  if (!to_) return;
  waiting_.add(std::move(from), std::move(encoded));
  if (!sending_ && document_.empty() && waiting_.size() >= together)
    send();
  else
    send_after(longest_wait);
}

span_figures trace_exporter::figures() const {
  auto now = figures_;
  now.dropped += waiting_.dropped();
  now.waiting = waiting_.size() + in_document_;
  return now;
}

void trace_exporter::send_after(milliseconds pause) {
  if (sending_ || std::exchange(due_, true)) return;
  timer_.expires_after(pause);
  timer_.async_wait([this](error_code ec) {
    due_ = false;
    if (!ec) send();
  });
}

void trace_exporter::send() {
  if (sending_) return;
  if (document_.empty()) std::tie(document_, in_document_) = waiting_.take(together);
  if (document_.empty()) return;
  under_way_ = {};
  sending_ = sender_.post([this, to = *to_, document = document_, told = under_way_] {
    auto outcome = send_spans(to, document, send_patience);
    told.set_value(outcome);
    loop_.defer([this, outcome] { on_outcome(outcome); });
  });
  if (!sending_) send_after(retry_pause_min);
}

void trace_exporter::on_outcome(const otlp_outcome& outcome) {
  using kind = otlp_outcome::kind;
  sending_ = false;
  if (outcome.how == kind::later && ++tries_ < tries_max) {
    if (!std::exchange(away_, true))
      log_.warn("traces: the collector takes no spans for now: {}", outcome.why);
    return send_after(std::min(retry_pause_min * (1 << (tries_ - 1)), retry_pause_max));
  }
  if (outcome.how == kind::accepted) {
    auto refused = std::min<std::uint64_t>(outcome.refused, in_document_);
    figures_.exported += in_document_ - refused;
    figures_.dropped += refused;
    if (std::exchange(away_, false)) log_.info("traces: the collector takes spans again");
    if (!outcome.why.empty()) log_.warn("traces: {}", outcome.why);
  } else {
    figures_.dropped += in_document_;
    log_.error("traces: {} spans are dropped: {}", in_document_, outcome.why);
  }
  document_.clear();
  in_document_ = 0;
  tries_ = 0;
  if (waiting_.size() >= together)
    send();
  else if (!waiting_.empty())
    send_after(longest_wait);
}

void trace_exporter::close() {
  using clock = std::chrono::steady_clock;
  auto deadline = clock::now() + last_patience;
  auto left = [&] {
    return std::max(std::chrono::duration_cast<milliseconds>(deadline - clock::now()), 0ms);
  };
  auto accepted = [](const otlp_outcome& outcome) {
    return outcome.how == otlp_outcome::kind::accepted;
  };
  bool goes_on = to_ && !away_;
  if (goes_on && sending_) {
    auto outcome = under_way_.wait_for(left());
    goes_on = outcome && accepted(*outcome);
    document_.clear();
  }
  while (goes_on && left() > 0ms) {
    if (document_.empty()) document_ = waiting_.take(together).first;
    if (document_.empty()) break;
    goes_on = accepted(send_spans(*to_, std::exchange(document_, {}), left()));
  }
  to_.reset();
}

}  // namespace sm
