#include "log/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace sm {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds look_again{250};

fs::path older(const fs::path& file, unsigned n) { return file.string() + "." + std::to_string(n); }

}  // namespace

void rotate_files(const fs::path& file, unsigned keep) {
  std::error_code ignored;
  // One more than are kept: `keep` may have been made smaller.
  fs::remove(older(file, keep), ignored);
  fs::remove(older(file, keep + 1), ignored);
  for (auto n = keep; n > 1; --n) fs::rename(older(file, n - 1), older(file, n), ignored);
  if (keep > 0)
    fs::rename(file, older(file, 1), ignored);
  else
    fs::remove(file, ignored);
}

unique_fd open_log_descriptor(const fs::path& file) {
  auto open_it = [&] {
    return unique_fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  };
  auto fd = open_it();
  if (fd || errno != ENOENT) return fd;
  if (::mkdir(file.parent_path().c_str(), 0700) != 0 && errno != EEXIST) return fd;
  return open_it();
}

void keep_tail(const fs::path& file, std::uint64_t size) {
  unique_fd from(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  struct stat s {};
  if (!from || ::fstat(from.get(), &s) != 0 || static_cast<std::uint64_t>(s.st_size) <= size)
    return;
  auto shorter = file.string() + ".tail";
  unique_fd to(::open(shorter.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  std::vector<char> block(64 << 10);
  auto at = s.st_size - static_cast<off_t>(size);
  for (bool first = true; to;) {
    auto n = ::pread(from.get(), block.data(), block.size(), at);
    if (n <= 0) break;
    at += n;
    std::string_view text(block.data(), static_cast<std::size_t>(n));
    if (auto line = text.find('\n'); std::exchange(first, false) && line != text.npos)
      text.remove_prefix(line + 1);
    if (::write(to.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) break;
  }
  // Its blocks go at once, even if a child of the writer has it open still.
  [[maybe_unused]] auto emptied = ::ftruncate(from.get(), 0);
  std::error_code ignored;
  fs::rename(shorter, file, ignored);
}

log_file::log_file(fs::path file, rotation r, describe_loss d)
    : file_(std::move(file)), rotation_(r), describe_loss_(std::move(d)) {
  open();
}

void log_file::open() {
  checked_ = std::chrono::steady_clock::now();
  fd_ = open_log_descriptor(file_);
  if (!fd_) reason_ = errno;
  struct stat s {};
  size_ = fd_ && ::fstat(fd_.get(), &s) == 0 ? static_cast<std::uint64_t>(s.st_size) : 0;
}

void log_file::check_identity() {
  auto now = std::chrono::steady_clock::now();
  if (fd_ && now < checked_ + look_again) return;
  checked_ = now;
  struct stat ours {
  }, there{};
  if (fd_ && ::fstat(fd_.get(), &ours) == 0 && ::stat(file_.c_str(), &there) == 0 &&
      ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) {
    size_ = static_cast<std::uint64_t>(ours.st_size);  // somebody may have truncated it
    return;
  }
  open();
}

bool log_file::append(std::string_view text) {
  if (!fd_) return false;
  ssize_t n = 0;
  do n = ::write(fd_.get(), text.data(), text.size());
  while (n < 0 && errno == EINTR);
  if (n == static_cast<ssize_t>(text.size())) {
    size_ += text.size();
    return true;
  }
  reason_ = n < 0 ? errno : ENOSPC;
  // Half a line is worse than none.
  if (n > 0) [[maybe_unused]]
    auto failed = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
  return false;
}

void log_file::write(std::string_view lines) {
  std::lock_guard lock(mutex_);
  check_identity();
  if (size_ > 0 && size_ + lines.size() > rotation_.max_size) {
    rotate_files(file_, rotation_.keep);
    open();
  }
  if (dropped_ > told_ && append(describe_loss_(dropped_ - told_, reason_))) told_ = dropped_;
  if (!append(lines)) {
    for (char c : lines) dropped_ += c == '\n' ? 1 : 0;
    checked_ = {};
  }
}

}  // namespace sm
