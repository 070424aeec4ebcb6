// The folder in which one manager keeps everything: held by a lock, so that there is only one.
#pragma once

#include <filesystem>
#include <sm/error.hpp>
#include <string>

#include "process/unique_fd.hpp"

namespace sm {

class state_folder {
 public:
  /// Makes the folder (mode 0700) and takes its lock; `conflict` with the holder's pid when another
  /// manager runs on it.
  static result<state_folder> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path log_folder() const { return path_ / "log"; }

  /// The API's bearer token: made at the first start, readable by the owner alone.
  result<std::string> token() const;
  /// Writes a small file as a whole or not at all.
  result<void> write_file(const std::string& name, const std::string& content) const;

 private:
  state_folder(std::filesystem::path path, unique_fd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  unique_fd lock_;
};

/// $XDG_STATE_HOME/sm/PROGRAM, or ~/.local/state/sm/PROGRAM.
std::filesystem::path default_state_path(const std::string& program);

/// `bytes` random bytes of the kernel as lower-case hex.
std::string random_hex(std::size_t bytes);

}  // namespace sm
