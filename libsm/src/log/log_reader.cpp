#include "log/log_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <sm/json.hpp>

#include "system/unique_fd.hpp"

namespace sm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t block_size = 64 << 10;
constexpr unsigned rotations_max = 1000;

unique_fd open_for_reading(const fs::path& file, struct stat& s) {
  unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd && ::fstat(fd.get(), &s) != 0) fd.reset();
  return fd;
}

/// Names a file for good: an inode that is free is soon another file's, which began at another
/// time.
ino_t identity_of(int folder, const char* name, int flags) {
  struct statx s {};
  if (::statx(folder, name, flags, STATX_INO | STATX_BTIME, &s) != 0) {
    struct stat plain {};  // a filter of system calls may know no other
    return ::fstatat(folder, name, &plain, flags) == 0 ? plain.st_ino : 0;
  }
  auto id = static_cast<ino_t>(s.stx_ino);
  if ((s.stx_mask & STATX_BTIME) == 0) return id;
  auto born = static_cast<ino_t>(s.stx_btime.tv_sec) * 1'000'000'000 + s.stx_btime.tv_nsec;
  return std::max<ino_t>(id ^ (born * 0x9e3779b97f4a7c15), 1);
}
ino_t identity_of(const fs::path& file) { return identity_of(AT_FDCWD, file.c_str(), 0); }
ino_t identity_of(const unique_fd& fd) { return identity_of(fd.get(), "", AT_EMPTY_PATH); }

/// The part of the log that has this inode: FILE itself is 0, FILE.1 is 1. Nothing when it is gone.
std::optional<unsigned> part_with(const fs::path& file, ino_t inode) {
  unsigned missing = 0;
  for (unsigned n = 0; n <= rotations_max; ++n) {
    auto part = n == 0 ? file : fs::path(file.string() + "." + std::to_string(n));
    auto found = identity_of(part);
    if (found == 0) {
      // In the middle of a rotation one number is nobody's.
      if (n > 0 && ++missing > 1) return std::nullopt;
    } else if (found == inode) {
      return n;
    }
  }
  return std::nullopt;
}

/// The part of the log that was begun first, of those that are there.
unsigned oldest_part(const fs::path& file) {
  unsigned oldest = 0;
  for (unsigned n = 1, missing = 0; n <= rotations_max && missing <= 1; ++n) {
    bool there = fs::exists(file.string() + "." + std::to_string(n));
    missing = there ? 0 : missing + 1;
    if (there) oldest = n;
  }
  return oldest;
}

}  // namespace

bool each_line_backwards(const fs::path& file, const std::function<bool(std::string_view)>& f,
                         log_position* end) {
  struct stat s {};
  auto fd = open_for_reading(file, s);
  if (!fd) return true;
  auto at = static_cast<std::uint64_t>(s.st_size);
  std::string rest;  // the end of a line whose begin is further ahead
  bool first = true;
  if (end) *end = {identity_of(fd), at};
  while (at > 0) {
    std::array<char, block_size> block;
    auto size = std::min<std::uint64_t>(at, block.size());
    at -= size;
    auto n = ::pread(fd.get(), block.data(), size, static_cast<off_t>(at));
    if (n != static_cast<ssize_t>(size)) return true;
    std::string text(block.data(), size);
    text += rest;
    if (std::exchange(first, false)) {
      // A line that is being written is left for later.
      auto last = text.rfind('\n');
      auto kept = last == text.npos ? 0 : last + 1;
      if (end) end->offset -= text.size() - kept;
      text.resize(kept);
    }
    auto line_end = text.size();
    while (line_end > 0) {
      auto before = line_end >= 2 ? text.rfind('\n', line_end - 2) : text.npos;
      if (before == text.npos) break;
      if (!f(std::string_view(text).substr(before + 1, line_end - before - 2))) return false;
      line_end = before + 1;
    }
    rest = text.substr(0, line_end);
  }
  return rest.empty() || f(std::string_view(rest).substr(0, rest.size() - 1));
}

log_lines read_more_lines(const fs::path& file, log_position position, std::size_t bytes_max) {
  log_lines more{{}, position};
  std::size_t budget = bytes_max;
  while (budget > 0) {
    auto part = position.inode == 0 ? std::nullopt : part_with(file, more.position.inode);
    if (!part) part = oldest_part(file);  // there was none yet, or what it had come to is gone
    struct stat s {};
    auto path = !part || *part == 0 ? file : fs::path(file.string() + "." + std::to_string(*part));
    auto fd = open_for_reading(path, s);
    if (!fd) return more;
    if (auto found = identity_of(fd); found != more.position.inode) more.position = {found, 0};
    if (more.position.offset > static_cast<std::uint64_t>(s.st_size))
      more.position.offset = 0;  // it was truncated
    std::string text(block_size, '\0');
    auto n = ::pread(fd.get(), text.data(), text.size(), static_cast<off_t>(more.position.offset));
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    auto last = text.rfind('\n');
    bool at_end = more.position.offset + text.size() >= static_cast<std::uint64_t>(s.st_size);
    if (last == text.npos && !at_end && text.size() < block_size) return more;
    if (last == text.npos && at_end && text.size() < block_size) {
      if (!part || *part == 0) return more;
      // An older part has been read to its end: the next newer one goes on.
      auto next = *part == 1 ? file : fs::path(file.string() + "." + std::to_string(*part - 1));
      auto newer = identity_of(next);
      if (newer == 0) return more;
      more.position = {newer, 0};
      continue;
    }
    if (last == text.npos) last = text.size() - 1;  // a line longer than a block comes in pieces
    for (std::size_t at = 0; at <= last;) {
      auto end = std::min(text.find('\n', at), last + 1);
      more.lines.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    more.position.offset += last + 1;
    budget -= std::min(budget, last + 1);
    position = more.position;
  }
  return more;
}

std::string_view field_of(const std::string& line, std::string_view name) {
  auto key = "\"" + std::string(name) + "\":\"";
  auto at = line.find(key);
  if (at == line.npos) return {};
  at += key.size();
  return std::string_view(line).substr(at, line.find('"', at) - at);
}

std::string readable_line(const std::string& line) {
  if (!line.starts_with("{\"ts\":")) return line;
  auto document = parse_json(line);
  if (!document || !document->is_object()) return line;
  // Programs write lines like ours whose fields are of other kinds: shown as they are.
  bool ours = true;
  auto text = [&](const char* name) -> std::string {
    auto field = document->find(name);
    if (field == document->end()) return {};
    if (!field->is_string()) ours = false;
    return field->is_string() ? field->get<std::string>() : std::string{};
  };
  auto shown = text("ts") + " " + text("instance") + " " +
               text(document->contains("stream") ? "stream" : "level") + " " + text("msg");
  return ours ? shown : line;
}

}  // namespace sm
