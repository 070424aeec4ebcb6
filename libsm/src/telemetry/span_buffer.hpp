// Spans on their way to a collector, a bounded number of them.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "telemetry/span.hpp"

namespace sm {

class span_buffer {
 public:
  /// `program` is the service.namespace of all.
  explicit span_buffer(std::string program, std::size_t bytes_max = 4 << 20)
      : program_(std::move(program)), bytes_max_(bytes_max) {}

  /// `encoded` is a span as JSON. One for which there is no room is dropped, and counted.
  void add(span_source from, std::string encoded);
  /// An OTLP ExportTraceServiceRequest of the oldest spans, `most` at most; "" when there is none.
  /// How many are in it.
  std::pair<std::string, std::size_t> take(std::size_t most);
  bool empty() const noexcept { return spans_.empty(); }
  std::size_t size() const noexcept { return spans_.size(); }
  std::uint64_t dropped() const noexcept { return dropped_; }

 private:
  const std::string program_;
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  std::deque<std::pair<span_source, std::string>> spans_;
};

}  // namespace sm
