// Which build of a program a process runs, and whether the next one would run another.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace sm {

/// One content of one file, as far as stat(2) tells.
struct file_identity {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const file_identity&, const file_identity&) = default;
};
std::optional<file_identity> identify(const std::filesystem::path& file);

/// Files as they are now, each looked at once: for many processes of few executables.
class present_files {
 public:
  const std::optional<file_identity>& operator[](const std::filesystem::path& file);

 private:
  std::map<std::string, std::optional<file_identity>> known_;
};

/// The build id that the linker put into an ELF file (ld --build-id), in hex; without one, a digest
/// of the file's size and time of change, after "stat-"; "" when it cannot be read.
std::string build_of(const std::filesystem::path& file);

/// That of the executable of a process, even if it was replaced on disk since.
std::string build_of_process(pid_t pid);

/// What a process executes.
struct running_executable {
  pid_t pid = 0;
  std::string build{};
  std::string link{};            ///< the kernel's name for it: executable_link_of
  std::filesystem::path path{};  ///< "" when it does not lead there from here
  file_identity file{};
};
running_executable look_at_executable(pid_t pid);
/// Where /proc/PID/exe points to; " (deleted)" stands behind what was replaced. "" for none.
std::string executable_link_of(pid_t pid);

/// The process's executable is no more what is at its path: it was replaced or removed, or `next`
/// (if not empty), from where the next process will be started, names another file.
bool is_outdated(const running_executable& runs, const std::filesystem::path& next,
                 present_files& files);

/// From where this program was started: the path it was called by if that leads to it, so that a
/// link that is turned to a new release is followed; else what the kernel says.
std::filesystem::path own_executable(const std::string& called);

}  // namespace sm
