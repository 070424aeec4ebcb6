#include "process/process_usage.hpp"

#include <fcntl.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "process/unique_fd.hpp"

namespace sm {

std::optional<process_usage> read_usage(pid_t pid) {
  std::array<char, 64> path;
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  unique_fd file(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;
  auto size = file ? ::read(file.get(), text.data(), text.size() - 1) : -1;
  if (size <= 0) return std::nullopt;
  text[static_cast<std::size_t>(size)] = '\0';
  // proc(5): the name in parentheses may hold anything; utime and stime are fields 14 and 15, rss
  // is 24.
  const char* after_name = std::strrchr(text.data(), ')');
  unsigned long user = 0, system = 0;
  long pages = 0;
  if (!after_name ||
      std::sscanf(
          after_name + 2,
          "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
          &user, &system, &pages) != 3)
    return std::nullopt;
  static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  static const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return process_usage{static_cast<double>(user + system) / ticks,
                       static_cast<std::uint64_t>(pages) * page};
}

}  // namespace sm
