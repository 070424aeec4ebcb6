// Makes lines of a stream of bytes: bounded, never cut inside a character, and not held back when a
// line does not end (a prompt, a progress bar).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace sm {

class line_splitter {
 public:
  using emit = std::function<void(std::string_view line)>;

  /// A line longer than `max` bytes becomes several.
  explicit line_splitter(std::size_t max = 64 << 10) : max_(max) {}

  /// Gives out each line that ends within `bytes`, without its newline.
  void add(std::string_view bytes, const emit& give_out);
  /// Gives out what there is of an unfinished line, but for a character that has not come whole.
  void flush(const emit& give_out);
  /// The stream is at its end: gives out all that is left.
  void finish(const emit& give_out);

  /// There is something for `flush`.
  bool unfinished() const noexcept;

 private:
  void give_out_long(std::string_view line, const emit& give_out) const;

  const std::size_t max_;
  std::string rest_;
  std::size_t searched_ = 0;  // of rest_: there is no newline
};

/// How many bytes of `text`, `max` at most, can be cut off without parting a UTF-8 character. In
/// what is no UTF-8 it is `max`.
std::size_t utf8_cut(std::string_view text, std::size_t max) noexcept;

}  // namespace sm
