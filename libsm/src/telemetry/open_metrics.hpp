// OpenMetrics' text form, which Prometheus reads: the parts that all families share.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "telemetry/exemplar.hpp"

namespace sm {

/// A number as OpenMetrics writes it.
std::string metric_number(double value);

/// Writes families one after the other. Names are ours and stand as they are. In the values of
/// labels backslash, quote and line feed are escaped, and bytes that are no UTF-8 replaced: one of
/// them would spoil all the others.
class metric_page {
 public:
  using label = std::pair<std::string_view, std::string_view>;
  using labels = std::span<const label>;

  /// What comes next belongs to it. A counter's samples end in "_total". In the help backslash and
  /// line feed are escaped.
  void family(std::string_view name, std::string_view type, std::string_view help);
  /// A sample; labels whose value is empty are left out, which means the same.
  void sample(std::string_view name, labels of, double value);
  template <std::integral T>
  void sample(std::string_view name, labels of, T value) {
    begin_sample(name, of);
    end_sample(static_cast<std::uint64_t>(value));
  }
  template <class T>
  void sample(std::string_view name, std::initializer_list<label> of, T value) {
    sample(name, labels(of.begin(), of.size()), value);
  }
  /// A bucket, with its exemplar if it has one.
  void sample(std::string_view name, labels of, std::uint64_t value, const exemplar& seen);
  void add(std::string_view text) { text_ += text; }

  const std::string& text() const noexcept { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void begin_sample(std::string_view name, labels of);
  void end_sample(std::uint64_t value);

  std::string text_;
};

}  // namespace sm
