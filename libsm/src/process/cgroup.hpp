// Control groups (v2), where the manager may make some: every run of an instance gets one of its
// own, so that nothing it starts can leave it, and limits are the kernel's. Elsewhere all of this
// does nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <sm/json.hpp>
#include <string>
#include <vector>

namespace sm {

/// 0 is no limit.
struct cgroup_limits {
  std::uint64_t memory_max = 0;  ///< bytes
  unsigned tasks_max = 0;        ///< processes and threads
  unsigned cpu_weight = 0;       ///< share under load, 1 to 10000, 100 is everybody's
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(cgroup_limits, memory_max, tasks_max, cpu_weight)

class cgroup_root {
 public:
  /// None: every call does nothing.
  cgroup_root() = default;
  explicit cgroup_root(std::filesystem::path path) : path_(std::move(path)) {}

  /// Makes the folder `name` below our own group, with the controllers that we are allowed. None
  /// where that is not possible; `why` says then what is missing.
  static cgroup_root make(const std::string& name, std::string& why);

  explicit operator bool() const noexcept { return !path_.empty(); }
  const std::filesystem::path& path() const noexcept { return path_; }
  bool limits_memory() const;

  /// Puts the calling process, and all it will start, into the group of `run`.
  void join(const std::string& run, const cgroup_limits& limits) const;
  /// Kills whatever is in the group of `run` and removes it. Waits for a second at most.
  void end(const std::string& run) const;
  /// The runs that have a group.
  std::vector<std::string> runs() const;
  /// Removes the folder, if no run is left in it.
  void remove() const;

 private:
  std::filesystem::path path_;
};

}  // namespace sm
