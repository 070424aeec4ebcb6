// Reads log files that are written and rotated meanwhile: the last lines, and from there on what is
// added, over any number of rotations. Every call may wait for the disk.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// How far a file has been read. `inode`, which is mixed with the time of the file's birth where
/// the file system tells it, tells a rotated file from the new one.
struct log_position {
  ino_t inode = 0;
  std::uint64_t offset = 0;
};

struct log_lines {
  std::vector<std::string> lines;
  log_position position;
};

/// The last `count` lines of FILE and its older parts (FILE.1, FILE.2, ...) for which `wanted`
/// holds, oldest first, and the position behind them.
template <class F>
log_lines read_last_lines(const std::filesystem::path& file, std::size_t count, F wanted);

/// Whole lines behind `position`, some `bytes_max` of them.
log_lines read_more_lines(const std::filesystem::path& file, log_position position,
                          std::size_t bytes_max);

/// A line of a log as people read it: "2026-01-31T12:00:00.000000Z web:0 stdout hello"; what is no
/// such line stays as it is.
std::string readable_line(const std::string& line);

/// A text field of a log line ("ts", "stream"), without parsing the whole; "" without one.
std::string_view field_of(const std::string& line, std::string_view name);

// -- implementation of the template

/// The file's lines, read backwards in blocks; calls `f` with each, the last one first, until it
/// returns false. Returns false when it did.
bool each_line_backwards(const std::filesystem::path& file,
                         const std::function<bool(std::string_view)>& f, log_position* end);

template <class F>
log_lines read_last_lines(const std::filesystem::path& file, std::size_t count, F wanted) {
  log_lines found;
  auto take = [&](std::string_view line) {
    if (found.lines.size() >= count) return false;
    std::string text(line);
    if (wanted(text)) found.lines.push_back(std::move(text));
    return found.lines.size() < count;
  };
  bool more = each_line_backwards(file, take, &found.position);
  for (unsigned n = 1; more && std::filesystem::exists(file.string() + "." + std::to_string(n));
       ++n)
    more = each_line_backwards(file.string() + "." + std::to_string(n), take, nullptr);
  std::reverse(found.lines.begin(), found.lines.end());
  return found;
}

}  // namespace sm
