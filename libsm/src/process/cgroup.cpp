#include "process/cgroup.hpp"

#include <fcntl.h>
#include <poll.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "system/unique_fd.hpp"

namespace sm {
namespace {

namespace fs = std::filesystem;

bool write_value(const fs::path& file, const std::string& value) {
  unique_fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

std::string read_value(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

/// Where the v2 hierarchy is mounted.
fs::path mount_point() {
  std::ifstream mounts("/proc/self/mounts");
  std::string device, folder, type, rest;
  while (mounts >> device >> folder >> type && std::getline(mounts, rest))
    if (type == "cgroup2") return folder;
  return {};
}

/// Our own group in it: the line "0::/path".
std::string own_group() {
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line))
    if (line.starts_with("0::/")) return line.substr(4);
  return {};
}

}  // namespace

cgroup_root cgroup_root::make(const std::string& name, std::string& why) {
  auto mount = mount_point();
  if (mount.empty()) {
    why = "no cgroup2 hierarchy is mounted";
    return {};
  }
  auto own = mount / own_group();
  auto path = own / name;
  std::error_code ec;
  fs::create_directory(path, ec);
  if (ec) {
    why = path.string() + " cannot be made: " + ec.message();
    return {};
  }
  if (!fs::exists(path / "cgroup.kill")) {
    why = path.string() + " has no cgroup.kill: that takes Linux 5.14";
    return {};
  }
  if (::access((path / "cgroup.procs").c_str(), W_OK) != 0) {
    why = path.string() + " is not ours to fill: " + std::generic_category().message(errno);
    return {};
  }
  // Each by itself: one that is not ours to give must not keep the others away.
  for (auto* controller : {"+memory", "+pids", "+cpu"}) {
    write_value(own / "cgroup.subtree_control", controller);
    write_value(path / "cgroup.subtree_control", controller);
  }
  return cgroup_root(path);
}

bool cgroup_root::limits_memory() const {
  return !path_.empty() &&
         read_value(path_ / "cgroup.subtree_control").find("memory") != std::string::npos;
}

void cgroup_root::join(const std::string& run, const cgroup_limits& limits) const {
  if (path_.empty()) return;
  auto group = path_ / run;
  std::error_code ignored;
  fs::create_directory(group, ignored);
  if (limits.memory_max > 0) write_value(group / "memory.max", std::to_string(limits.memory_max));
  if (limits.tasks_max > 0) write_value(group / "pids.max", std::to_string(limits.tasks_max));
  if (limits.cpu_weight > 0) write_value(group / "cpu.weight", std::to_string(limits.cpu_weight));
  write_value(group / "cgroup.procs", "0");
}

void cgroup_root::end(const std::string& run) const {
  if (path_.empty()) return;
  auto group = path_ / run;
  std::error_code ec;
  write_value(group / "cgroup.kill", "1");
  // A group can be removed when the last of its processes is gone.
  auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  while (!fs::remove(group, ec) && ec && fs::exists(group) &&
         std::chrono::steady_clock::now() < give_up)
    ::poll(nullptr, 0, 2);
}

std::vector<std::string> cgroup_root::runs() const {
  std::vector<std::string> names;
  std::error_code ignored;
  if (path_.empty()) return names;
  for (auto& entry : fs::directory_iterator(path_, ignored))
    if (entry.is_directory(ignored)) names.push_back(entry.path().filename().string());
  return names;
}

void cgroup_root::remove() const {
  std::error_code ignored;
  if (!path_.empty()) fs::remove(path_, ignored);
}

}  // namespace sm
