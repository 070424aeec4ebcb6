// The path that a Unix socket was bound to, to tell whether it still leads to that socket.
#pragma once

#include <sys/stat.h>

#include <filesystem>

namespace sm {

class bound_path {
 public:
  bound_path() = default;
  /// Right after the socket was bound to `path`.
  explicit bound_path(std::filesystem::path path) : path_(std::move(path)) {
    ::stat(path_.c_str(), &bound_);
  }
  const std::filesystem::path& path() const noexcept { return path_; }
  bool leads_to_it() const {
    struct stat there {};
    return ::stat(path_.c_str(), &there) == 0 && there.st_ino == bound_.st_ino &&
           there.st_dev == bound_.st_dev;
  }

 private:
  std::filesystem::path path_{};
  struct stat bound_ {};
};

}  // namespace sm
