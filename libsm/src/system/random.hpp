// Secrets and names that nobody guesses.
#pragma once

#include <cstddef>
#include <string>

namespace sm {

/// `bytes` random bytes of the kernel as lower-case hex.
std::string random_hex(std::size_t bytes);

}  // namespace sm
