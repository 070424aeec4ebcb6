#include "telemetry/span.hpp"

#include <fmt/format.h>

#include "json_writer.hpp"
#include "telemetry/recording.hpp"
#include "telemetry/span_buffer.hpp"
#include "text/texts.hpp"

namespace sm {
namespace {

constexpr std::size_t failure_max = 1 << 10;  // bytes that are shown

/// Numbers of 64 bits are strings in the JSON of Protocol Buffers.
void write_attribute(json_writer& out, std::string_view key, const span::value& value) {
  out.begin_object();
  out.member("key", key);
  out.name("value");
  out.begin_object();
  if (auto* number = std::get_if<std::int64_t>(&value))
    out.member("intValue", std::to_string(*number));
  else
    out.member("stringValue", std::get<std::string>(value));
  out.end_object();
  out.end_object();
}

std::function<void(const span&)> recorder;

std::string nanoseconds(std::chrono::nanoseconds of) { return std::to_string(of.count()); }

}  // namespace

void record_spans_with(std::function<void(const span&)> sink) {
  set_recording(static_cast<bool>(sink));
  recorder = std::move(sink);
}

void record_span(const span& of) {
  if (recorder) recorder(of);
}

std::string encode_span(const span& of) {
  std::string text;
  text.reserve(512);
  json_writer out(text);
  out.begin_object();
  out.member("traceId", of.place.trace_id());
  out.member("spanId", fmt::format("{:016x}", of.place.span));
  if (of.parent != 0) out.member("parentSpanId", fmt::format("{:016x}", of.parent));
  out.member("name", of.name);
  out.member("kind", static_cast<int>(of.role));
  auto begin = std::chrono::nanoseconds(of.begin.time_since_epoch());
  out.member("startTimeUnixNano", nanoseconds(begin));
  out.member("endTimeUnixNano", nanoseconds(begin + of.took));
  out.name("attributes");
  out.begin_array();
  for (auto& [key, value] : of.attributes) write_attribute(out, key, value);
  out.end_array();
  if (of.failed) {
    out.name("status");
    out.begin_object();
    out.member("code", 2);  // STATUS_CODE_ERROR
    if (!of.failure.empty()) out.member("message", shortened(of.failure, failure_max));
    out.end_object();
  }
  out.end_object();
  return text;
}

void span_buffer::add(span_source from, std::string encoded) {
  if (bytes_ + encoded.size() > bytes_max_) {
    ++dropped_;
    return;
  }
  bytes_ += encoded.size();
  spans_.emplace_back(std::move(from), std::move(encoded));
}

std::pair<std::string, std::size_t> span_buffer::take(std::size_t most) {
  auto count = std::min(most, spans_.size());
  if (count == 0) return {};
  auto last = spans_.begin() + static_cast<std::ptrdiff_t>(count);
  std::stable_sort(spans_.begin(), last, [](auto& a, auto& b) { return a.first < b.first; });
  std::string text = R"({"resourceSpans":[)";
  const span_source* open = nullptr;
  for (auto at = spans_.begin(); at != last; ++at) {
    bytes_ -= at->second.size();
    if (open && *open == at->first) {
      text += ',' + at->second;
      continue;
    }
    if (open) text += "]}]},";
    open = &at->first;
    text += R"({"resource":{"attributes":[)";
    json_writer out(text);
    write_attribute(out, "service.namespace", program_);
    write_attribute(out, "service.name", open->service);
    write_attribute(out, "service.instance.id", open->instance);
    text += R"(]},"scopeSpans":[{"scope":{"name":"sm"},"spans":[)" + at->second;
  }
  text += "]}]}]}";
  spans_.erase(spans_.begin(), last);
  return {std::move(text), count};
}

}  // namespace sm
