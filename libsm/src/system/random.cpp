#include "system/random.hpp"

#include <sys/random.h>

#include <string_view>
#include <vector>

namespace sm {

std::string random_hex(std::size_t bytes) {
  std::vector<unsigned char> raw(bytes);
  for (std::size_t filled = 0; filled < bytes;)
    if (auto n = ::getrandom(raw.data() + filled, bytes - filled, 0); n > 0)
      filled += static_cast<std::size_t>(n);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (auto byte : raw) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

}  // namespace sm
