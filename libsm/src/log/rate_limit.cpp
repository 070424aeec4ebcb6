#include "log/rate_limit.hpp"

#include <utility>

namespace sm {

std::optional<std::uint64_t> rate_limit::allow(clock::time_point now) {
  if (last_ && now - *last_ < std::chrono::seconds{1}) {
    ++silent_;
    return std::nullopt;
  }
  last_ = now;
  return std::exchange(silent_, 0);
}

}  // namespace sm
