// A file system of some 100 KiB or more in the test's own mount namespace, to be filled up. Needs
// the right to mount.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "temporary_folder.hpp"

namespace sm::test {

class small_disk {
 public:
  explicit small_disk(unsigned kib) {
    auto options = "mode=0700,size=" + std::to_string(kib) + "k";
    // Private: nobody else sees the mount, and it goes with the test's process.
    mounted_ = ::unshare(CLONE_NEWNS) == 0 &&
               ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount("tmpfs", path().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~small_disk() {
    if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;

  bool mounted() const { return mounted_; }
  const std::filesystem::path& path() const { return folder_.path(); }

  /// Leaves no byte of room.
  void fill() {
    int fd = ::open(ballast().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    for (std::size_t size = 64 << 10; size > 0; size /= 2) {
      const std::string part(size, 'x');
      while (::write(fd, part.data(), part.size()) == static_cast<ssize_t>(part.size())) {
      }
    }
    ::close(fd);
  }
  void make_room() { ::unlink(ballast().c_str()); }

 private:
  std::string ballast() const { return (path() / "ballast").string(); }

  temporary_folder folder_;
  bool mounted_ = false;
};

}  // namespace sm::test
