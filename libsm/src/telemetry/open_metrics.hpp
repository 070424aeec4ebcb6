// OpenMetrics' text form, which Prometheus reads: the parts that all families share.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace sm {

/// A label's value: backslash, quote and line feed are escaped, bytes that are no UTF-8 replaced,
/// since one of them would spoil all the others.
std::string escaped_label(std::string_view text);

/// The lines that introduce a family. A counter's samples then end in "_total".
std::string metric_family(std::string_view name, std::string_view type, std::string_view help);

/// Writes families one after the other. Names are ours and stand as they are; values of labels are
/// escaped.
class metric_page {
 public:
  using label = std::pair<std::string_view, std::string_view>;
  using labels = std::initializer_list<label>;

  /// What comes next belongs to it.
  void family(std::string_view name, std::string_view type, std::string_view help);
  /// A sample; labels whose value is empty are left out, which means the same.
  void sample(std::string_view name, labels of, double value);
  template <std::integral T>
  void sample(std::string_view name, labels of, T value) {
    begin_sample(name, of);
    end_sample(static_cast<std::uint64_t>(value));
  }
  void add(std::string_view text) { text_ += text; }

  const std::string& text() const noexcept { return text_; }
  std::string take() { return std::move(text_); }

 private:
  void begin_sample(std::string_view name, labels of);
  void end_sample(std::uint64_t value);

  std::string text_;
};

}  // namespace sm
