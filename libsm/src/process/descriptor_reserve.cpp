#include "process/descriptor_reserve.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <limits>

namespace sm {

descriptor_reserve::descriptor_reserve(std::size_t wanted) : wanted_(wanted) {
  held_.reserve(wanted);
  refill();
}

bool descriptor_reserve::lend(std::size_t count, std::size_t keep) {
  if (held_.size() < count + keep) return false;
  held_.resize(held_.size() - count);
  return true;
}

void descriptor_reserve::refill() {
  while (held_.size() < wanted_) {
    unique_fd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!one) return;
    held_.push_back(std::move(one));
  }
}

std::size_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<std::size_t>::max();
  return limit.rlim_cur;
}

}  // namespace sm
