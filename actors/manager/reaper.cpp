#include "manager/reaper.hpp"

#include <unistd.h>

#include "process/process_tree.hpp"

namespace sm {

void reaper::forget(pid_t pid, const std::string& instance, std::function<void()> gone) {
  if (!forks_.forget(pid, instance, std::move(gone))) return;
  ended_.push_back(pid);
  loop_.defer([this] { end_orphans(); });
}

void reaper::end_orphans() {
  forks_.collect_earlier();
  auto left = end_unknown_children(
      ::getsid(0), [this](pid_t pid) { return known_.process(pid) || forks_.is_ours(pid); });
  if (left.empty()) {
    for (auto pid : std::exchange(ended_, {})) forks_.ended(pid);
    return;
  }
  timer_.expires_after(std::chrono::milliseconds{20});
  timer_.async_wait([this](error_code ec) {
    if (!ec) end_orphans();
  });
}

}  // namespace sm
