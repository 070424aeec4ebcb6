// Looks at the bytes of a Redis server's replies (RESP 2) before they are stored, so that a reply
// that goes beyond its bounds is refused at the header that announces it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

struct reply_limits {
  std::size_t line = 64 << 10;     ///< bytes of a status, an error, a number, a header
  std::size_t bytes = 16 << 20;    ///< of a whole reply
  std::size_t elements = 1 << 18;  ///< of a whole reply, at all levels
  std::size_t depth = 7;           ///< arrays within each other: what hiredis reads
};

class reply_scanner {
 public:
  explicit reply_scanner(reply_limits limits = {}) : limits_(limits) {}

  /// Takes what came next; "" or why it must not be taken. Then nothing more can be.
  std::string take(std::string_view bytes);
  /// How many replies have ended, less those that were taken out.
  std::size_t whole() const noexcept { return whole_; }
  void took_one() noexcept { --whole_; }

 private:
  std::string take_line(std::string_view line);
  void end_value();

  reply_limits limits_;
  std::string line_;                 // its begin, when it came in parts
  std::size_t text_left_ = 0;        // of the text that comes, with its end of line
  std::vector<std::size_t> arrays_;  // elements that are to come, from the outermost in
  std::size_t bytes_ = 0, elements_ = 0;
  std::size_t whole_ = 0;
};

}  // namespace sm
