// The last events, each with an index from which a reader resumes. Bounded: a reader that was away
// for too long is told how many it missed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace sm {

struct event {
  std::uint64_t index = 0;  ///< from 1, without holes
  std::string type;         ///< "service.state", "service.added", ...
  std::string data;         ///< JSON: "time", RFC 3339, and what the type has
};

class event_ring {
 public:
  explicit event_ring(std::size_t capacity) : capacity_(capacity) {}

  void append(std::string type, std::string data) {
    if (events_.size() == capacity_) events_.pop_front();
    events_.push_back({++last_, std::move(type), std::move(data)});
  }

  /// What comes after `index`: the events still held, and how many are lost in between.
  struct slice {
    std::uint64_t missed = 0;
    std::deque<event>::const_iterator begin, end;
  };
  slice after(std::uint64_t index) const {
    // An index from the future is of another run of the manager: begin at what is held.
    if (index > last_) index = last_ - events_.size();
    auto first_held = last_ - events_.size() + 1;
    auto from = std::max(index + 1, first_held);
    return {from - (index + 1), events_.begin() + static_cast<std::ptrdiff_t>(from - first_held),
            events_.end()};
  }

  /// Of the last ones, those that `wanted` takes, `most` of them: the oldest first.
  template <class Wanted>
  std::vector<const event*> latest(std::size_t most, Wanted wanted) const {
    std::vector<const event*> found;
    for (auto e = events_.rbegin(); e != events_.rend() && found.size() < most; ++e)
      if (wanted(*e)) found.push_back(&*e);
    std::reverse(found.begin(), found.end());
    return found;
  }

  std::uint64_t last() const noexcept { return last_; }

 private:
  std::size_t capacity_;
  std::deque<event> events_;
  std::uint64_t last_ = 0;
};

}  // namespace sm
