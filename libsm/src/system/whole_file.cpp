#include "system/whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "system/unique_fd.hpp"

namespace sm {

result<std::string> read_whole_file(const std::filesystem::path& file, std::size_t max) {
  auto failed = [] {
    return fail(errno == ENOENT ? errc::not_found : errc::unavailable,
                std::string("cannot be read: ") + std::strerror(errno));
  };
  unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return failed();
  if (!S_ISREG(info.st_mode))
    return fail(errc::bad_arguments, S_ISDIR(info.st_mode) ? "is a folder" : "is no regular file");
  std::string text(max + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    auto n = ::read(fd.get(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed();
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  text.resize(size);
  return text;
}

}  // namespace sm
