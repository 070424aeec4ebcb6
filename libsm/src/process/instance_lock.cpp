#include "process/instance_lock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "system/system_error.hpp"

namespace sm {
namespace {

constexpr std::chrono::milliseconds look_again{5};

unique_fd open_lock(const std::filesystem::path& file) {
  return unique_fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

/// A lock on a file that was removed meanwhile keeps nobody out.
bool stands_at(int fd, const std::filesystem::path& file) {
  struct stat ours {
  }, there{};
  return ::fstat(fd, &ours) == 0 && ::stat(file.c_str(), &there) == 0 &&
         ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

}  // namespace

result<unique_fd> take_instance_lock(const std::filesystem::path& folder,
                                     const std::string& instance,
                                     std::chrono::milliseconds patience) {
  auto file = folder / instance;
  for (auto give_up = std::chrono::steady_clock::now() + patience;;) {
    auto fd = open_lock(file);
    if (!fd && errno == ENOENT && (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST))
      fd = open_lock(file);
    if (!fd) return system_failure("cannot open the lock", file.string());
    bool taken = ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0;
    if (taken && stands_at(fd.get(), file)) return fd;
    if (!taken && errno != EWOULDBLOCK && errno != EINTR)
      return system_failure("cannot take the lock", file.string());
    if (std::chrono::steady_clock::now() > give_up)
      return fail(errc::conflict, "another process of " + instance + " runs", file.string());
    ::poll(nullptr, 0, static_cast<int>(look_again.count()));
  }
}

bool remove_instance_lock(const std::filesystem::path& folder, const std::string& instance) {
  auto file = folder / instance;
  unique_fd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return errno == ENOENT;
  // Held while it goes: who waits for it sees that it is gone, and makes another.
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return false;
  return !stands_at(fd.get(), file) || ::unlink(file.c_str()) == 0;
}

}  // namespace sm
