#include "process/build_id.hpp"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <vector>

#include "system/unique_fd.hpp"

namespace sm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t headers_max = 128;
constexpr std::size_t notes_max = 64 << 10;  // bytes

bool read_at(int fd, std::uint64_t offset, void* into, std::size_t size) {
  return ::pread(fd, into, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::string in_hex(const unsigned char* bytes, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", bytes[i]);
    text += digits;
  }
  return text;
}

/// elf(5): a note is three words, its name and its content, both padded to words.
std::string find_build_id(const std::vector<unsigned char>& notes) {
  auto padded = [](std::size_t n) { return (n + 3) & ~std::size_t{3}; };
  for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= notes.size();) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data() + at, sizeof note);
    auto name = at + sizeof note;
    auto content = name + padded(note.n_namesz);
    if (content > notes.size() || note.n_descsz > notes.size() - content) return {};
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
        std::memcmp(notes.data() + name, "GNU", 4) == 0)
      return in_hex(notes.data() + content, note.n_descsz);
    at = content + padded(note.n_descsz);
  }
  return {};
}

std::string elf_build_id(int fd) {
  ElfW(Ehdr) header;
  if (!read_at(fd, 0, &header, sizeof header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phnum > headers_max ||
      header.e_phentsize != sizeof(ElfW(Phdr)))
    return {};
  for (unsigned n = 0; n < header.e_phnum; ++n) {
    ElfW(Phdr) segment;
    if (!read_at(fd, header.e_phoff + n * sizeof segment, &segment, sizeof segment)) return {};
    if (segment.p_type != PT_NOTE || segment.p_filesz > notes_max) continue;
    std::vector<unsigned char> notes(segment.p_filesz);
    if (!read_at(fd, segment.p_offset, notes.data(), notes.size())) continue;
    if (auto id = find_build_id(notes); !id.empty()) return id;
  }
  return {};
}

file_identity identity_of(const struct stat& s) {
  return {s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size),
          s.st_mtim.tv_sec * 1'000'000'000LL + s.st_mtim.tv_nsec};
}

fs::path executable_link(pid_t pid) { return "/proc/" + std::to_string(pid) + "/exe"; }

}  // namespace

std::optional<file_identity> identify(const fs::path& file) {
  struct stat s {};
  if (::stat(file.c_str(), &s) != 0) return std::nullopt;
  return identity_of(s);
}

std::string build_of(const fs::path& file) {
  unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat s {};
  if (!fd || ::fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return {};
  if (auto id = elf_build_id(fd.get()); !id.empty()) return id;
  auto i = identity_of(s);
  auto digest = (i.size * 0x9e3779b97f4a7c15U) ^ static_cast<std::uint64_t>(i.changed_ns);
  std::array<char, 24> text;
  std::snprintf(text.data(), text.size(), "stat-%016llx", static_cast<unsigned long long>(digest));
  return text.data();
}

std::string build_of_process(pid_t pid) { return build_of(executable_link(pid)); }

const std::optional<file_identity>& present_files::operator[](const fs::path& file) {
  auto [entry, is_new] = known_.try_emplace(file.string());
  if (is_new) entry->second = identify(file);
  return entry->second;
}

std::string executable_link_of(pid_t pid) {
  std::array<char, 4096> target;
  auto size = ::readlink(executable_link(pid).c_str(), target.data(), target.size());
  return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : std::string();
}

running_executable look_at_executable(pid_t pid) {
  auto link = executable_link(pid);
  running_executable found{.pid = pid, .build = build_of(link), .link = executable_link_of(pid)};
  auto file = identify(link), there = identify(found.link);
  if (file) found.file = *file;
  // In a mount namespace of its own the path may lead elsewhere, or nowhere.
  if (file && there == file) found.path = found.link;
  return found;
}

bool is_outdated(const running_executable& runs, const fs::path& next, present_files& files) {
  if (runs.pid <= 0) return false;
  if (!runs.path.empty()) {
    auto& there = files[runs.path];
    if (!there || there->device != runs.file.device || there->inode != runs.file.inode) return true;
  } else {
    auto target = executable_link_of(runs.pid);
    if (target.empty()) return false;
    if (target.ends_with(" (deleted)")) return true;
  }
  if (next.empty()) return false;
  auto& made_of = files[next];
  return made_of && (made_of->device != runs.file.device || made_of->inode != runs.file.inode);
}

fs::path own_executable(const std::string& called) {
  std::error_code ec;
  auto self = fs::read_symlink("/proc/self/exe", ec);
  if (called.find('/') == called.npos) return self;
  auto path = fs::absolute(called, ec);
  auto here = identify(path);
  return here && here == identify("/proc/self/exe") ? path : self;
}

}  // namespace sm
