// A log file that is bounded, survives what people and disks do to it, and never stops its writer:
// rotated by size with a fixed number of older files kept, opened again when somebody removed or
// moved it, and on a full disk lines are dropped, counted, and the count said once there is room.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "system/unique_fd.hpp"

namespace sm {

struct rotation {
  std::uint64_t max_size = 16 << 20;
  unsigned keep = 4;
};

/// Moves FILE to FILE.1, FILE.1 to FILE.2 and so on, and removes what is beyond `keep`.
void rotate_files(const std::filesystem::path& file, unsigned keep);

/// Opens FILE to append to it, for its owner and group; a log folder that was removed is made
/// again. None when it cannot be opened: see errno.
unique_fd open_log_descriptor(const std::filesystem::path& file);

/// Keeps the last `size` bytes of a file that nobody writes any more, from the beginning of a line
/// on. What cannot be written does not matter: less is kept.
void keep_tail(const std::filesystem::path& file, std::uint64_t size);

class log_file {
 public:
  /// Makes the line that tells of `count` dropped ones.
  using describe_loss = std::function<std::string(std::uint64_t count, int reason)>;

  log_file(std::filesystem::path file, rotation r, describe_loss d);

  /// Appends whole lines, in one write. From any thread.
  void write(std::string_view lines);

 private:
  void open();
  void check_identity();
  bool append(std::string_view text);

  const std::filesystem::path file_;
  const rotation rotation_;
  const describe_loss describe_loss_;
  std::mutex mutex_;
  unique_fd fd_;
  std::uint64_t size_ = 0;
  std::uint64_t dropped_ = 0, told_ = 0;
  int reason_ = 0;
  std::chrono::steady_clock::time_point checked_{};
};

}  // namespace sm
