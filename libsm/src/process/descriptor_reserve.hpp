// A few descriptors kept open for nothing, so that the process can still answer when it has used up
// all others (RLIMIT_NOFILE).
#pragma once

#include <cstddef>
#include <vector>

#include "system/unique_fd.hpp"

namespace sm {

class descriptor_reserve {
 public:
  explicit descriptor_reserve(std::size_t wanted);

  /// Frees `count` descriptors for whoever asks the kernel next; false when fewer than that and
  /// `keep` more are left.
  bool lend(std::size_t count, std::size_t keep = 0);
  /// Takes back what can be had.
  void refill();

 private:
  std::size_t wanted_;
  std::vector<unique_fd> held_;
};

/// The soft RLIMIT_NOFILE.
std::size_t descriptor_limit();

}  // namespace sm
