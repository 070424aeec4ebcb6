// Server-sent events from the bytes of a stream (WHATWG HTML, 9.2).
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace sm {

struct received_event {
  std::string event{};  ///< "" is "message"
  std::string id{};
  std::string data{};
};

class event_reader {
 public:
  /// An event that is larger than `max` bytes is cut there.
  explicit event_reader(std::size_t max = 16 << 20) : max_(max) {}

  /// Takes the next bytes, and calls `f` with each event that they complete; until `f` returns
  /// false, and returns that.
  bool feed(std::string_view bytes, const std::function<bool(const received_event&)>& f);

  /// The last id that came whole, with an event or alone ("last event ID" of WHATWG HTML 9.2); ""
  /// before.
  const std::string& last_id() const noexcept { return last_id_; }

 private:
  void take_line(std::string_view line);

  std::size_t max_;
  std::string line_;
  bool after_cr_ = false;
  bool has_data_ = false;
  received_event event_;
  std::string last_id_;
};

}  // namespace sm
