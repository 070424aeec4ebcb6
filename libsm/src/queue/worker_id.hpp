// A consumer's name in the queue, as Resque writes it: host:pid:queue,queue. Containers may share
// the name of a host and have the same small pids: there the pid namespace belongs to the host's
// name.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace sm {

/// "-4026532198", or nothing for a host's own (PROC_PID_INIT_INO of the kernel).
inline std::string pid_namespace() {
  std::array<char, 64> link{};  // "pid:[4026532198]"
  if (::readlink("/proc/self/ns/pid", link.data(), link.size() - 1) < 0) return {};
  std::string_view text(link.data());
  text.remove_prefix(std::min(text.find('[') + 1, text.size()));
  auto inode = text.substr(0, text.find(']'));
  return inode == "4026531836" ? std::string{} : "-" + std::string(inode);
}

inline std::string worker_id(pid_t pid, const std::vector<std::string>& queues) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  auto id = std::string(host.data()) + pid_namespace() + ":" + std::to_string(pid) + ":";
  for (std::size_t i = 0; i < queues.size(); ++i) id += (i > 0 ? "," : "") + queues[i];
  return id;
}

}  // namespace sm
