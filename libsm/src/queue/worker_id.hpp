// A consumer's name in the queue, as Resque writes it: host:pid:queue,queue.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

namespace sm {

inline std::string worker_id(pid_t pid, const std::vector<std::string>& queues) {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  auto id = std::string(host.data()) + ":" + std::to_string(pid) + ":";
  for (std::size_t i = 0; i < queues.size(); ++i) id += (i > 0 ? "," : "") + queues[i];
  return id;
}

}  // namespace sm
